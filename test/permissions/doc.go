// Package permissions proves that the roles which deploy/ ships are enough for
// everything that the function does, and that none of their permissions can be
// left out: the reader is all that mode report-only needs, the writer and what
// goes with it are what enforcing needs beside it. Without a permission
// something ends as blocked, and the advice names it.
package permissions
