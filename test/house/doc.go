// Package house holds the tests that keep the house in order: who may import
// what, where the environment is read, and which packages stay pure.
package house
