// Package oracle holds promise P1, no false all-clear, over generated estates:
// what stands in each is built in a local cloud, visitors knock at every door,
// and an audit of it may call no door better than what they got. Estates that
// fail shrink to a story. The judge (package judge) shares no code with what is
// judged; this package alone knows both.
//
//	go test ./test/oracle -run Estates -estates 20000 -timeout 0
//	go test ./test/oracle -run Estates -estates 200 -seed 7
//	go test ./test/oracle -run Estates -estates 200 -alarms 1   (why nobody gets in where a door is said to be open)
//	go test ./test/oracle -run Estates -estates 200 -against ./iapguard   (another version, built before)
//	go test ./test/oracle -run Faulted -faulted 300 -timeout 0
//	go test ./test/oracle -run Mutations -mutations -timeout 0
package oracle
