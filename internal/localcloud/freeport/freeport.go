// Package freeport finds ports of the loopback for programs that must be given theirs, and
// cannot listen on port 0 and say what they got.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports handed out lie below those from which Linux (32768) and macOS and Windows (49152)
// take the local port of a connection. A port that the system itself gave and took back may be
// the local port of anybody's connection a moment later, and the program cannot listen on it.
const (
	lowest  = 20000
	highest = 32000
)

// Take returns a loopback address, host and port, on which nobody listens over TCP. Nobody else
// who calls Take, in any process of this machine, gets the address until release is called.
func Take() (address string, release func(), err error) {
	first := rand.IntN(highest - lowest)
	for i := range highest - lowest {
		address = fmt.Sprintf("127.0.0.1:%d", lowest+(first+i)%(highest-lowest))
		if release, free := lock(address); free {
			return address, release, nil
		}
	}
	return "", nil, fmt.Errorf("no port of 127.0.0.1 between %d and %d is free", lowest, highest)
}

// lock takes an address, unless somebody has it. The same port of UDP is the lock: the system
// releases it when the process ends.
func lock(address string) (release func(), free bool) {
	held, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, false
	}
	listener, err := net.Listen("tcp", address)
	if err == nil {
		err = listener.Close()
	}
	if err != nil {
		held.Close()
		return nil, false
	}
	return func() { held.Close() }, true
}
