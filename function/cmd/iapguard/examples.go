package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const (
	exampleService = "projects/my-project/locations/us-central1/services/shop"
	exampleKey     = "projects/my-guard/locations/europe-west1/keyRings/iapguard/cryptoKeys/reports/cryptoKeyVersions/1"
	exampleGuard   = "projects/my-project/locations/us-central1/services/iapguard"
)

// examples are command lines that help shows, by the command.
var examples = map[string]string{
	"iapguard": `
# What is open in a project? Nothing is written.
iapguard audit projects/my-project
# A local slice of Google Cloud to try it on
iapguard local`,
	"iapguard serve": `
PORT=8080 IAPGUARD_POLICY=policy.yaml iapguard serve`,
	"iapguard plan": `
iapguard plan ` + exampleService + ` --policy policy.yaml
# Keep the plan for a review, and fail where there are steps to take
iapguard plan projects/my-project --policy policy.yaml -o plan.json --exit-code
# A comment of a pull request, with the commands that approve it
iapguard plan projects/my-project --policy policy.yaml --format md`,
	"iapguard apply": `
iapguard apply ` + exampleService + ` --policy policy.yaml
# Exactly what was reviewed
iapguard apply plan.json --policy policy.yaml --yes`,
	"iapguard audit": `
iapguard audit projects/my-project
# What is new since yesterday?
iapguard audit projects/my-project --compare yesterday.json -o today.json
# A document for an auditor, in one file
iapguard audit projects/my-project -o report.html
# Every door of what is open, for one team
iapguard audit projects/my-project --only open --team payments --wide`,
	"iapguard doctor": `
iapguard doctor ` + exampleService + `
# The verdict of each service of a project
iapguard doctor projects/my-project`,
	"iapguard undo": `
# Say what would be taken back, and then do it
iapguard undo report.json
iapguard undo report.json --yes
# All that one version of the policy did in two hours
iapguard undo --policy-digest 0123456789ab --since 2h projects/my-project`,
	"iapguard send": `
iapguard send sweep projects/my-project
iapguard send hold projects/my-project --for 1h --reason "an incident"`,
	"iapguard approve": `
iapguard approve 0123456789abcdef`,
	"iapguard context": `
iapguard context show`,
	"iapguard context use": `
iapguard context use ` + exampleGuard,
	"iapguard context show": `
iapguard context show`,
	"iapguard hold": `
iapguard hold projects/my-project --for 4h --reason "a load test"
iapguard hold folders/123456789012 --for 1h --reason "an incident" --holds projects/my-project/secrets/iapguard-holds`,
	"iapguard resume": `
iapguard resume projects/my-project`,
	"iapguard close-breaker": `
iapguard close-breaker --reason "the other controller is off"`,
	"iapguard status": `
iapguard status
# What files say, without a deployment
iapguard status --policy policy.yaml --holds holds.yaml`,
	"iapguard reports": `
iapguard reports --since 2h --service shop
# What a tool pulled from a subscription
iapguard reports pulled.json --outcome blocked`,
	"iapguard verify": `
# A report and the envelope that was published beside it
iapguard verify report.json envelope.json --key key.pem
# All of a day in the bucket of evidence
iapguard verify --from gs://iapguard-evidence-123456789012 --since 24h --key ` + exampleKey,
	"iapguard policy": `
iapguard policy check policy.yaml`,
	"iapguard policy init": `
iapguard policy init projects/my-project -o policy.yaml
# What is left to fill in?
iapguard policy check policy.yaml`,
	"iapguard policy check": `
iapguard policy check policy.yaml
# What does this service get?
iapguard policy check policy.yaml ` + exampleService + ` --label env=prod --folder none`,
	"iapguard policy diff": `
iapguard policy diff policy.yaml new.yaml projects/my-project
# As a comment of a pull request
iapguard policy diff policy.yaml new.yaml projects/my-project --format md`,
	"iapguard policy test": `
iapguard policy test policy.yaml policy.fixtures.yaml`,
	"iapguard policy schema": `
# Where the first line of a policy says: # yaml-language-server: $schema=policy.schema.json
iapguard policy schema > policy.schema.json
iapguard policy schema fixtures > fixtures.schema.json`,
	"iapguard completion": `
# For this shell; a line of ~/.bashrc has it in every one
source <(iapguard completion bash)
iapguard completion zsh > "${fpath[1]}/_iapguard"
iapguard completion fish > ~/.config/fish/completions/iapguard.fish`,
	"iapguard version": `
iapguard version -o json`,
	"iapguard local": `
iapguard local
# Nothing is deployed before somebody presses the button of the page
iapguard local --paused
# Only the cloud, for tools of one's own
iapguard local --cloud-only --addr 127.0.0.1:9190`,
	"iapguard local env": `
eval "$(iapguard local env)"
iapguard local env --format terraform`,
	"iapguard man": `
iapguard man /usr/local/share/man/man1`,
}

// addExamples gives every command that has no example of its own the one of the table.
func addExamples(command *cobra.Command) {
	if command.Example == "" {
		text := strings.TrimPrefix(examples[command.CommandPath()], "\n")
		if text != "" {
			command.Example = "  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
	}
	for _, each := range command.Commands() {
		addExamples(each)
	}
}
