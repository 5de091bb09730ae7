package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// read reads a table that this command printed without a baseline: the figures
// by package.
func read(path string) (map[string][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	figures := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") || fields[0] == "package" {
			continue
		}
		if len(fields) != len(columns)+1 {
			return nil, fmt.Errorf("%s: %q has %d figures, want %d", path, fields[0], len(fields)-1, len(columns))
		}
		figures[fields[0]] = fields[1:]
	}
	return figures, nil
}

func sortedKeys(figures map[string][]string) []string {
	return slices.Sorted(maps.Keys(figures))
}
