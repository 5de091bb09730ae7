// Package schema holds the JSON Schemas of a policy and of a file of fixtures, for editors.
package schema

import _ "embed" // for the texts

// Policy is the JSON Schema of a policy. It accepts a little more than Parse of package policy.
//
//go:embed policy.json
var Policy []byte

// Fixtures is the JSON Schema of what policy test compares a policy with.
//
//go:embed fixtures.json
var Fixtures []byte
