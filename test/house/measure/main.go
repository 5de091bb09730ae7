// Command measure prints the measures of every package, beside those of a
// baseline:
//
//	go run ./test/house/measure                    # beside baseline.txt
//	go run ./test/house/measure -baseline ''       # alone: the form of a baseline
//	go run ./test/house/measure -root ../other     # another copy of the module
//
// A cell that differs from the baseline shows the former figure in brackets. A
// package is new when its former figure is missing, and gone when it stands at
// the end. Package house defines what each figure counts.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/iapguard/iapguard/test/house"
)

// columns are the figures of a row, in their order.
var columns = []struct {
	name string
	of   func(house.Measures) int
}{
	{"files", func(m house.Measures) int { return m.Files }},
	{"lines", func(m house.Measures) int { return m.Lines }},
	{"functions", func(m house.Measures) int { return len(m.Functions) }},
	{"median", house.Measures.MedianFunction},
	{"longest", house.Measures.LongestFunction},
	{"exported", func(m house.Measures) int { return len(m.Exported) }},
	{"with-methods", func(m house.Measures) int { return len(m.Exported) + m.Methods }},
	{"params", house.Measures.MaxParameters},
	{"over4", func(m house.Measures) int { return len(m.ManyParameters(4)) }},
	{"interfaces", func(m house.Measures) int { return m.Interfaces }},
	{"comment%", house.Measures.CommentShare},
	{"p99", func(m house.Measures) int { return m.Width(0.99) }},
	{"widest", func(m house.Measures) int { return m.Width(1) }},
}

func main() {
	root := flag.String("root", ".", "root of the module to measure")
	baseline := flag.String("baseline", "test/house/measure/baseline.txt", "table to print beside; \"\" = none")
	flag.Parse()
	if err := run(os.Stdout, *root, *baseline); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, root, baseline string) error {
	code, tests, err := house.Measure(root)
	if err != nil {
		return fmt.Errorf("measuring %s: %w", root, err)
	}
	former := map[string][]string{}
	if baseline != "" {
		if former, err = read(baseline); err != nil {
			return fmt.Errorf("reading the baseline: %w", err)
		}
	}
	rows := append(code, house.Sum("ALL-CODE", code), house.Sum("ALL-TESTS", tests))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "package")
	for _, column := range columns {
		fmt.Fprint(table, "\t", column.name)
	}
	fmt.Fprintln(table)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(append([]string{row.Package}, cells(row, former[row.Package])...), "\t"))
		delete(former, row.Package)
	}
	for _, name := range sortedKeys(former) {
		fmt.Fprintf(table, "%s\t(%s)\n", name, strings.Join(former[name], ")\t("))
	}
	return table.Flush()
}

// cells are the figures of a row, each with its former one where that differs.
func cells(row house.Measures, former []string) []string {
	var all []string
	for i, column := range columns {
		cell := fmt.Sprint(column.of(row))
		if i < len(former) && former[i] != cell {
			cell += " (" + former[i] + ")"
		}
		all = append(all, cell)
	}
	return all
}
