// Package judge builds estates in a local cloud, knocks at their doors and
// holds what visitors got against what a report says. It shares no code with
// what it judges: it derives the addresses from the estate, it asks the data
// plane, and it reads reports as the JSON that everybody sees.
package judge
