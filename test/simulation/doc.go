// Package simulation plays a year of an organization of 100,000 services: deploys, some of
// them opening a door, logs that take their time, changes that propagate, calls that fail,
// quotas, and hours in which nothing is delivered. It compares how long strangers get in
// where services are polled, where events alone lead to a repair, and with iapguard's
// defaults.
//
// It is a model of discrete events with a seed: the same seed gives the same bytes. What it
// rests on is in parameters.go, each figure with its source. What the product decides is not
// modelled: decide.Decide and door.Of are called for it, with the policy's defaults, and the
// schedules, retries and sizes are read from what deploy/ ships.
//
// This writes RESULTS.md and its plots:
//
//	go test ./test/simulation -run Results -results -v -timeout 30m
package simulation
