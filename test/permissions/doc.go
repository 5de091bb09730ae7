// Package permissions proves that the roles which deploy/ ships are enough for
// everything that the function does, and that none of their permissions can be
// left out: without it something ends as blocked, and the advice names it.
package permissions
