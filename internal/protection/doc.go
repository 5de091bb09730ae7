// Package protection compares an observed service with what the policy wants of
// it. Each difference is a Finding: a gap that a step closes, an obstacle that
// stops steps, something to wait for, or a fact worth knowing.
//
// One protection is one file, and so is one obstacle. The test of each has a row
// in which everything is right already and nothing is found. The package is pure.
package protection
