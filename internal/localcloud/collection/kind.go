package collection

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Kind describes one kind of resource. What its discovery document says (methods,
// paths, parameters, messages, fields that only the server writes) is not repeated
// here.
type Kind struct {
	// Documents are the discovery documents that serve it, such as
	// "cloudscheduler/v1". The first one has Message.
	Documents []string
	// Collections are the prefixes of its methods' ids, one for each kind of parent:
	// "logging.projects.sinks".
	Collections []string
	// Message is the resource itself: "Job".
	Message string
	// Permissions begins the permissions of its methods: "cloudscheduler.jobs". What
	// follows is the method, "update" for a patch. Verbs says so where it is another;
	// with a dot it is a whole permission, and "" is none.
	Permissions string
	Verbs       map[string]string
	// Source is the page that says which permissions the methods need.
	Source string
	// Audit are the methods that leave an audit record, with its methodName, in which
	// {version} is the API's.
	Audit map[string]string
	// Methods gives methods the behaviour of usual ones: "search": "list".
	Methods map[string]string
	// Subject names what a call is about where its path does not, such as the parent in a
	// parameter; "" = the path does. Nil = the path always does.
	Subject func(call *apiserver.Call) string
	// Unserved are methods, by the last part of their ids or by whole ones, that are
	// refused like unknown ones, because nothing is behind them here.
	Unserved []string

	// InProjects says that the parent is a project, where the documents' paths have any.
	InProjects bool
	// Rename makes a resource's name of a call's path that is none: "b/B/o/O".
	Rename func(call *apiserver.Call, path string) string
	// Depth is how many segments come before an id that may hold slashes, zero = ids hold
	// none.
	Depth int
	// ID is the grammar of the last segment of a name. NewID gives ids where the
	// server does: always, or, with an ID, where the client gives none.
	ID    Grammar
	NewID func() string
	// IDField is the path of the field that a client names a new resource in, where that
	// is not name: "datasetReference.datasetId".
	IDField string
	// ListKind is the kind that lists of older APIs have.
	ListKind string
	// Location refuses what is not a location of the API, nil = none is refused.
	Location func(location string) error
	// Within has the parents, nil = every parent exists.
	Within *Collection
	// Alias is the name of the resource that another name stands for, such as latest.
	Alias func(c *Collection, name string) string
	// AnyProject takes "-" for the project, where an id says which one it is.
	AnyProject bool
	// Numbered shows names with the project's number.
	Numbered bool
	// Words are what the API says.
	Words Words
	// PageSize is the largest size of a page, zero = 1000, and DefaultPageSize that of one
	// without a size, zero = the largest.
	PageSize, DefaultPageSize int
	// Consistent lists show every write at once, whatever the lists' lag.
	Consistent bool
	// NewestFirst lists in the order of creation, the latest first; otherwise by name.
	NewestFirst bool

	// Shape changes a resource, as its first document shows it, into what another version
	// of the API shows ("v2"), and Unshape what that version sent, which is w.Sent, into
	// the first's form.
	Shape   func(version string, r Resource, shown map[string]any)
	Unshape func(version string, w *Write) error
	// Filter reads which resources a list or a search is to show, nil = all are shown, and
	// filters are refused.
	Filter func(call *apiserver.Call) (func(Resource) bool, error)

	// Conflict is the error of a write that names an etag which is not the current one,
	// where an API has words of its own for it.
	Conflict func(current Resource, etag string) error
	// Condition refuses a call whose preconditions the current resource, nil = none, does
	// not meet.
	Condition func(call *apiserver.Call, current *Resource) error
	// Prefix is what a list shows in place of a resource, or beside it, once for all that
	// have it in common; "" = the resource alone.
	Prefix func(call *apiserver.Call, r Resource) (prefix string, beside bool)

	// DefaultMask is the mask of a patch that has none.
	DefaultMask string
	// MaskRoot is what paths of masks may begin with: "policy.".
	MaskRoot string
	// Everywhere lists what there is below every parent alike.
	Everywhere bool

	// Fixed are fields that no mask may name, beside those that only the server writes.
	Fixed []string
	// Replaces says that a patch without a mask replaces everything, as "*" and a PUT do.
	Replaces bool
	// MergesMessages merges a message that a mask ends at into the one that is there;
	// otherwise it takes its place (unverified for either kind of API).
	MergesMessages bool
	// Defaults fill what was not sent.
	Defaults map[string]any
	// Prepare applies the rules to a resource that is about to be kept or deleted,
	// and completes it. An error refuses the call.
	Prepare func(*Write) error
	// Fails writes into a resource that its operation fails, or, if failure is nil, that it
	// never ends. The resource is kept; without Fails, such a write is not.
	Fails func(w *Write, failure *apiserver.Error)
	// Changed has the effects of a write on others. It is called after the write was
	// kept, before it is answered, one write at a time.
	Changed func(*Write)
	// Answer makes the answer of a write, where that is not the resource.
	Answer func(c *Collection, w *Write, shown map[string]any) (any, error)
	// Recorded completes the log entry of a write that is about a resource of a name.
	Recorded func(call *apiserver.Call, name string)
	// Others brings in, with PutMissing, what is there without a write through this
	// API. It is called before each call.
	Others func(c *Collection)
	// Listed trims a resource that a list shows.
	Listed func(call *apiserver.Call, shown map[string]any)
	// View adds what is computed when a resource is read.
	View func(r Resource, shown map[string]any)
	// Link adds what depends on where the client found the API.
	Link func(call *apiserver.Call, shown map[string]any)
	// State adds what only the local cloud's own state shows.
	State func(r Resource, shown map[string]any)
	// Actions are the methods beside the usual ones.
	Actions map[string]Action
}

// Grammar is which texts are names, such as a regular expression.
type Grammar interface{ MatchString(text string) bool }

// UpTo is a regular expression for texts of at most so many characters. One that counts
// them itself takes milliseconds to compile.
func UpTo(most int, expression string) Grammar { return bounded{regexp.MustCompile(expression), most} }

type bounded struct {
	*regexp.Regexp
	most int
}

// MatchString reports whether a text is short enough and matches.
func (b bounded) MatchString(text string) bool {
	return utf8.RuneCountInString(text) <= b.most && b.Regexp.MatchString(text)
}

// Action is a custom method.
type Action struct {
	// Writes is whether it changes something.
	Writes bool
	Do     func(*Collection, *apiserver.Call) (any, error)
}

// Words are what an API says when it refuses. {name} is the resource's full name,
// {id} the last part of it, {project} the id of its project, {parent} what it is below, {within} the id of that,
// {location} where it is. The zero value is what most APIs say.
type Words struct {
	NotFound, Exists, BadID string
	// Hidden is said, as a 403, of a resource that does not exist, where an API keeps
	// secret which do; "" = it is a 404.
	Hidden string
}

func (c *Collection) notFound(name string) error {
	if c.Words.Hidden != "" {
		return apiserver.Denied("%s", c.say(c.Words.Hidden, "", name))
	}
	return apiserver.NotFound("%s", c.say(c.Words.NotFound, "Resource '{name}' was not found", name))
}

func (c *Collection) exists(name string) error {
	return apiserver.AlreadyExists("%s", c.say(c.Words.Exists, "Resource '{name}' already exists", name))
}

func (c *Collection) badID(name string) error {
	return apiserver.Invalid("%s", c.say(c.Words.BadID, "The request was invalid: invalid value for the id: '{id}'", name))
}

func (c *Collection) say(words, otherwise, name string) string {
	if words == "" {
		words = otherwise
	}
	_, location, _ := strings.Cut(name, "/locations/")
	location, _, _ = strings.Cut(location, "/")
	in, id := c.split(name)
	parent := parentOf(in)
	return strings.NewReplacer("{name}", c.shownName(name), "{project}", c.server.ProjectOf(name).ID, "{id}", id, "{parent}", parent,
		"{within}", lastSegment(parent), "{location}", location).Replace(words)
}

// split cuts a name into the collection that it is in, and the id:
// projects/P/locations/L/jobs and J.
func (k *Kind) split(name string) (in, id string) {
	at := strings.LastIndexByte(name, '/')
	if parts := strings.SplitN(name, "/", k.Depth+1); k.Depth > 0 && len(parts) > k.Depth {
		at = len(name) - len(parts[k.Depth]) - 1
	}
	return name[:max(at, 0)], name[at+1:]
}

// shownName is a name as answers have it.
func (c *Collection) shownName(name string) string {
	if c.Numbered {
		return c.server.ByNumber(name)
	}
	return name
}

// permission is what a method needs, "" = nothing.
func (k *Kind) permission(method string) string {
	verb, named := k.Verbs[method]
	switch {
	case named && (verb == "" || strings.Contains(verb, ".")):
		return verb
	case named:
	case method == "patch":
		verb = "update"
	default:
		verb = method
	}
	return k.Permissions + "." + verb
}

func lastSegment(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func parentOf(name string) string { return name[:max(strings.LastIndexByte(name, '/'), 0)] }

// region is how Google names its regions.
var region = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]{1,2}$`)

// Regional takes regions for locations, RegionalOrGlobal global too. The words are
// what Cloud Run says.
func Regional(location string) error {
	if !region.MatchString(location) {
		return apiserver.Denied("Location %s is not found or access is unauthorized.", location)
	}
	return nil
}

// RegionalOrGlobal takes regions and global for locations.
func RegionalOrGlobal(location string) error {
	if location == "global" {
		return nil
	}
	return Regional(location)
}
