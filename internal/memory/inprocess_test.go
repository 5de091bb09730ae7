package memory_test

import (
	"testing"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/memory/conformance"
)

func TestInProcessConforms(t *testing.T) {
	conformance.Test(t, func(*testing.T) memory.Store { return memory.NewInProcess() })
}
