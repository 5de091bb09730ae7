// Package cases plays situations from public reports, as scripts and log entries that lie
// beside the checkout, and holds iapguard against what is right in each. Where they are not
// there its tests are skipped.
package cases
