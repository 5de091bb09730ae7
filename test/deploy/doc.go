// Package deploy checks the files of deploy/ against the code, and runs what can be
// run of them.
//
// It is the only user of HCL, cty and SQLite. It is nevertheless not a module of its
// own, which was tried: the go.mod of iapguard lost 9 lines and its go.sum 23, and the
// second module needed 83 and 267, to be kept at the same versions. No program gets
// smaller, and SQLite, which takes 60 of the 70 CPU seconds of compiling them, would
// still be compiled for the test command of README.
package deploy
