package seed

import (
	"flag"
	"testing"
)

var seedOf = Flag(7, "seed of this test")

func TestASeedIsAsGivenAndZeroIsTheTime(t *testing.T) {
	if got := seedOf(t); got != 7 {
		t.Errorf("seed %d without a flag, want 7", got)
	}
	if err := flag.Set("seed", "0"); err != nil {
		t.Fatal(err)
	}
	if got := seedOf(t); got == 0 || got == 7 {
		t.Errorf("seed %d for the time", got)
	}
}
