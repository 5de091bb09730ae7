// Package docs checks the documentation against the code: generated tables,
// policies, links, and the size of the front page.
package docs
