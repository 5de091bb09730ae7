// Package compute is the local cloud's Compute Engine API: what a load
// balancer in front of Cloud Run is made of, global and regional, as v1, beta
// and alpha serve it.
//
// One machine reads and writes every kind of resource; a kind is a row of the
// table in kind.go, and what is special about it is in the file of its name.
// Resources are kept as the JSON objects that were sent, so that fields this
// package does not know survive.
package compute
