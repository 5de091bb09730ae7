// Package release tries what a release publishes: that the command can be installed by the
// name of its module, on which systems it builds, what .goreleaser.yaml and .ci/package make,
// and that the same commit gives the same bytes.
//
// What takes minutes runs only where TEST_RELEASE is set, as the workflow of a release does.
package release
