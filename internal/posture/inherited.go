package posture

// Unread is something that was to be read if possible, and could not be: what
// follows from it is not known, and nothing is held against anybody for it.
type Unread struct {
	Resource   string
	Why        string
	Permission string // the one that is missing, where that is why
}
