// Package seconds measures how long strangers get in: it plays deploys and drift as
// gcloud and Terraform make them, against a local cloud that the function guards with a
// policy that says mode: enforce and names one accessor. Once a second somebody knocks
// at every door. Seconds are those of the clock that the test turns; delivery of events
// takes none.
//
// table.md has what was measured last. This writes it anew:
//
//	go test ./test/seconds -run TestSeconds -write
package seconds
