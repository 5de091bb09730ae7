package policy

import "strings"

// suggestion names the known word that was probably meant, or all of them.
func suggestion(word string, known []string) string {
	best, distance := "", len(word)/2+1
	for _, candidate := range known {
		if d := edits(strings.ToLower(word), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return "write one of " + strings.Join(known, ", ")
	}
	return "did you mean " + best + "?"
}

// edits counts the letters to insert, delete or replace between two words
// (Levenshtein's distance). Long words are no misspelling of short ones.
func edits(a, b string) int {
	if len(a) > 2*len(b)+4 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
