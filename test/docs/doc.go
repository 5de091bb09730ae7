// Package docs holds what README says against the code.
package docs
