package gcloud

import (
	"testing"

	"github.com/iapguard/iapguard/internal/remedy/command/commandtest"
	"github.com/iapguard/iapguard/test/gcloud/parser"
)

func TestGcloudTakesEveryCommandOfARemedy(t *testing.T) {
	t.Parallel()
	var commands [][]string
	samples := commandtest.Samples(commandtest.Plain)
	for _, sample := range samples {
		commands = append(commands, sample.Command.Arguments("https://example.com/orders"))
	}
	for i, refusal := range parser.Refusals(t, commands) {
		if refusal != "" {
			t.Errorf("%s: gcloud refuses %s\n%s", samples[i].Function, samples[i].Command, refusal)
		}
	}
}
