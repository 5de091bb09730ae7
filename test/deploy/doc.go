// Package deploy holds what is shipped in deploy/ against the code, and runs it
// where it can be run.
package deploy
