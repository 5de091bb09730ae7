package freeport

import (
	"net"
	"strconv"
	"testing"
)

func TestAnAddressIsTakenOnce(t *testing.T) {
	taken := map[string]bool{}
	for range 200 {
		address, release, err := Take()
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if taken[address] {
			t.Fatalf("%s was taken twice", address)
		}
		taken[address] = true
		_, port, err := net.SplitHostPort(address)
		if number, _ := strconv.Atoi(port); err != nil || number < lowest || number >= highest {
			t.Fatalf("%s is not between %d and %d", address, lowest, highest)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("listening where nobody listens: %v", err)
		}
		listener.Close()
	}
}
