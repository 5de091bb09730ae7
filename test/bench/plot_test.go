package bench

import (
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// draw draws values over numbers of services into an SVG file.
func draw(t *testing.T, path, title, axis string, points plotter.XYs) {
	t.Helper()
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text, p.Y.Min = title, "services", axis, 0
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		t.Fatal(err)
	}
	p.Add(plotter.NewGrid(), line, dots)
	if err := p.Save(16*vg.Centimeter, 9*vg.Centimeter, path); err != nil {
		t.Fatal(err)
	}
}
