package memory_test

import (
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/memory"
)

func TestRecordsAreProvenByAKeyOrByBeingAlone(t *testing.T) {
	key := func() ([]byte, error) { return []byte("a key that only the function has"), nil }
	for _, tc := range []struct {
		name    string
		options memory.Options
		want    bool
	}{
		{"a store that others reach", memory.Options{}, false},
		{"with a key", memory.Options{Key: key}, true},
		{"in this process alone", memory.Options{Alone: true}, true},
	} {
		tc.options.Clock = clockwork.NewRealClock()
		m := memory.New(memory.NewInProcess(), tc.options)
		if got := m.Proven(); got != tc.want {
			t.Errorf("%s: proven %t, want %t", tc.name, got, tc.want)
		}
		if !m.Apart().Proven() {
			t.Errorf("%s: the memory apart from it is not proven, and nobody else can reach it", tc.name)
		}
	}
}
