package run

// Exists reports whether there is a service of a name in a region.
func (r *Run) Exists(region, name string) bool { return r.exists(identity{region, name}) }
