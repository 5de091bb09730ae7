package logging

import (
	"fmt"
	"math"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// maxBuckets is how many buckets the values of a metric have at most.
// Source: logging/docs/logs-based-metrics/distribution-metrics.
const maxBuckets = 200

// Value is one of a metric whose values are a distribution.
type Value struct {
	Number float64
	// Bounds are those of the buckets, rising, and Options what a client said of them.
	Bounds  []float64
	Options map[string]any
}

// bounds are those of the buckets that options describe: a value is in the bucket before
// the first bound above it. Source: monitoring/api/ref_v3, BucketOptions.
func bounds(options map[string]any) ([]float64, error) {
	number := func(kind map[string]any, field string) float64 {
		n, _ := strconv.ParseFloat(fmt.Sprint(kind[field]), 64) // of the document's types
		return n
	}
	var all []float64
	linear, exponential := apiserver.Object(options, "linearBuckets"), apiserver.Object(options, "exponentialBuckets")
	finite := number(linear, "numFiniteBuckets") + number(exponential, "numFiniteBuckets")
	for i := 0.0; i <= min(finite, maxBuckets); i++ {
		switch {
		case linear != nil:
			all = append(all, number(linear, "offset")+i*number(linear, "width"))
		case exponential != nil:
			all = append(all, number(exponential, "scale")*math.Pow(number(exponential, "growthFactor"), i))
		}
	}
	for _, bound := range apiserver.List(apiserver.Object(options, "explicitBuckets"), "bounds") {
		n, _ := strconv.ParseFloat(fmt.Sprint(bound), 64)
		all = append(all, n)
	}
	rising := true
	for i := 1; i < len(all); i++ {
		rising = rising && all[i] > all[i-1]
	}
	if len(options) != 0 && (len(options) != 1 || len(all) == 0 || len(all) > maxBuckets || !rising) {
		return nil, apiserver.Invalid("Invalid bucket options: there is one kind of buckets, and 1 to %d bounds that rise.", maxBuckets)
	}
	return all, nil
}

// distribution takes the metric's values out of entries.
func (m *metric) distribution(extracts string, options map[string]any) error {
	read, err := parseExtractor(extracts)
	if err != nil {
		return err
	}
	m.value, m.options = &read, options
	m.bounds, err = bounds(options)
	return err
}
