// Package contest plays a team's Terraform that puts back what the function
// changes, again and again, against two instances of the function, and shows
// that they stop in time and say what to write at the source.
package contest
