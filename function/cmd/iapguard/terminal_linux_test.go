package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns a terminal and the side at which a person types.
func terminal(t *testing.T) (tty, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty, person
}

func TestApplyAsksAtEveryTerminalAndNowhereElse(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, kind := range []string{"", "xterm"} {
		t.Setenv("TERM", kind)
		if !agreed(null, 1) || !agreed(strings.NewReader("no\n"), 1) {
			t.Errorf("TERM=%q: it asks where there is no terminal", kind)
		}
		for answer, want := range map[string]bool{"yes\n": true, "no\n": false, "\n": false, "\x04": false} {
			tty, person := terminal(t)
			if _, err := person.WriteString(answer); err != nil {
				t.Fatal(err)
			}
			if got := agreed(tty, 1); got != want {
				t.Errorf("TERM=%q: %q counts as %v, want %v", kind, answer, got, want)
			}
		}
	}
}
