// Package scale measures the local cloud with many resources, through the
// requests that clients send. A small run checks that answers and the number of
// values looked at do not depend on how many resources there are; it asserts no
// times. The figures in time and memory come from
//
//	go test ./test/scale -run Scale -scale 10000 -v
package scale
