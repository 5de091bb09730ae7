package main

import (
	"os"
	"testing"
)

// asCommand is the variable that has the test binary be the command: tests at a terminal
// need a process of its own, which signals reach.
const asCommand = "TEST_AS_IAPGUARD"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}
