package monitoring

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// sampled is a distribution with one value more. The mean and the squared deviations
// follow B. P. Welford, Note on a Method for Calculating Corrected Sums (1962).
func sampled(distribution object, value logging.Value) object {
	before := apiserver.Object(distribution, "distributionValue")
	read := func(field string) float64 {
		n, _ := strconv.ParseFloat(fmt.Sprint(before[field]), 64) // ours; nothing is zero
		return n
	}
	count := read("count") + 1
	mean := read("mean") + (value.Number-read("mean"))/count
	deviation := read("sumOfSquaredDeviation") + (value.Number-read("mean"))*(value.Number-mean)
	after := object{"count": strconv.FormatFloat(count, 'f', 0, 64), "mean": decimal(mean), "sumOfSquaredDeviation": decimal(deviation)}
	if len(value.Bounds) > 0 {
		counts := slices.Clone(apiserver.List(before, "bucketCounts"))
		at := 0
		for at < len(value.Bounds) && value.Bounds[at] <= value.Number {
			at++
		}
		for len(counts) <= at {
			counts = append(counts, "0")
		}
		n, _ := strconv.ParseInt(fmt.Sprint(counts[at]), 10, 64) // ours
		counts[at] = strconv.FormatInt(n+1, 10)
		after["bucketOptions"], after["bucketCounts"] = value.Options, counts
	}
	return object{"distributionValue": after}
}

func decimal(value float64) json.Number { return json.Number(strconv.FormatFloat(value, 'g', -1, 64)) }
