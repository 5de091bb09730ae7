package reconcile

import (
	"os"
	"strings"
	"testing"
)

func TestAnAlertLooksForTheLineAboutBrokenGlass(t *testing.T) {
	alerts, err := os.ReadFile("../../deploy/terraform/modules/monitoring/alerts_on_lines.tf")
	if err != nil || !strings.Contains(string(alerts), `jsonPayload.message=\"`+glassLine+`\"`) {
		t.Errorf("%v: no alert looks for %q", err, glassLine)
	}
}
