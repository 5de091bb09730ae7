package schema

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scalar is a scalar in its canonical form, or why it is not one: what Google
// writes after the type.
func (f *Field) scalar(value any, name string) (any, string) {
	switch {
	case f.Enum != nil:
		return f.enum(value)
	case f.Type == "boolean":
		return boolean(value)
	case f.Type == "integer", f.Format == "int64", f.Format == "uint64", f.Format == "uint32":
		return f.integer(value)
	case f.Type == "number":
		return number(value)
	}
	text, ok := value.(string)
	if !ok {
		return nil, shown(value)
	}
	switch f.Format {
	case "byte":
		data, err := Bytes(text)
		if err != nil {
			return nil, fmt.Sprintf("Base64 decoding failed for %q", text)
		}
		return base64.StdEncoding.EncodeToString(data), ""
	case "google-duration":
		if why := badDuration(text); why != "" {
			return nil, fmt.Sprintf("Field '%s', %s", name, why)
		}
	case "google-datetime":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, fmt.Sprintf("Field '%s', Invalid time format: %s", name, text)
		}
	}
	return text, ""
}

// enum takes a value by name or by number.
func (f *Field) enum(value any) (any, string) {
	text := ""
	switch value := value.(type) {
	case string:
		text = value
	case json.Number:
		text = value.String()
	}
	if slices.Contains(f.Enum, text) {
		return text, ""
	}
	if number, err := strconv.Atoi(text); err == nil {
		if name, ok := f.value(number); ok {
			return name, ""
		}
	}
	return nil, shown(value)
}

// boolean takes true and false, also as text (as protobuf's parser does).
func boolean(value any) (any, string) {
	switch value {
	case true, "true":
		return true, ""
	case false, "false":
		return false, ""
	}
	return nil, shown(value)
}

// integer takes whole numbers, also as text and with an exponent.
func (f *Field) integer(value any) (any, string) {
	text := ""
	switch value := value.(type) {
	case json.Number:
		text = value.String()
	case string:
		text = value
	}
	whole, ok := wholeNumber(text)
	if !ok || !f.holds(whole) {
		return nil, shown(value)
	}
	if f.Type == "string" {
		return whole.String(), ""
	}
	return json.Number(whole.String()), ""
}

func wholeNumber(text string) (*big.Int, bool) {
	if whole, ok := new(big.Int).SetString(text, 10); ok {
		return whole, true
	}
	float, err := strconv.ParseFloat(text, 64)
	if err != nil || float != math.Trunc(float) || math.Abs(float) > 1<<53 {
		return nil, false
	}
	return big.NewInt(int64(float)), true
}

// holds reports whether a number is in the range of the field's format.
func (f *Field) holds(whole *big.Int) bool {
	switch f.Format {
	case "int64":
		return whole.IsInt64()
	case "uint64":
		return whole.IsUint64()
	case "uint32":
		return whole.IsUint64() && whole.Uint64() <= math.MaxUint32
	}
	return whole.IsInt64() && whole.Int64() >= math.MinInt32 && whole.Int64() <= math.MaxInt32
}

func number(value any) (any, string) {
	switch value := value.(type) {
	case json.Number:
		return value, ""
	case string:
		if value == "NaN" || value == "Infinity" || value == "-Infinity" {
			return value, ""
		}
		if float, err := strconv.ParseFloat(value, 64); err == nil && !math.IsInf(float, 0) && !math.IsNaN(float) {
			return json.Number(strconv.FormatFloat(float, 'g', -1, 64)), ""
		}
	}
	return nil, shown(value)
}

var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")

// Bytes reads base64 in the standard or the URL-safe alphabet, with or without padding
// (protobuf.dev/programming-guides/json, bytes). gcloud writes the URL-safe one.
func Bytes(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(standardAlphabet.Replace(strings.TrimRight(text, "=")))
}

// SameBytes reports whether two texts are the same, or the same bytes in base64.
func SameBytes(one, other string) bool {
	first, err := Bytes(one)
	second, otherErr := Bytes(other)
	return one == other || err == nil && otherErr == nil && bytes.Equal(first, second)
}

var duration = regexp.MustCompile(`^-?[0-9]+(\.[0-9]{1,9})?s$`)

func badDuration(text string) string {
	switch {
	case !strings.HasSuffix(text, "s"):
		return "Illegal duration format; duration must end with 's'"
	case !duration.MatchString(text):
		return "Invalid duration format, failed to parse seconds"
	}
	return ""
}

// shown is a value as errors show it: JSON.
func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
