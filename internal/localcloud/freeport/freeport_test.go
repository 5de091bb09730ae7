package freeport

import (
	"net"
	"strconv"
	"testing"
)

func TestAnAddressIsOneCallersUntilItIsReleased(t *testing.T) {
	address, release, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if number, _ := strconv.Atoi(port); err != nil || number < lowest || number >= highest {
		t.Errorf("%s is not between %d and %d", address, lowest, highest)
	}
	if _, free := lock(address); free {
		t.Errorf("%s is somebody's, and was taken again", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("who has %s cannot listen there: %v", address, err)
	}
	release()
	if _, free := lock(address); free {
		t.Errorf("%s was taken while somebody listens there", address)
	}
	listener.Close()
	again, free := lock(address)
	if !free {
		t.Fatalf("%s was released, and cannot be taken", address)
	}
	again()
}
