package eventarc

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// carrying bounds how long one step of the transport may hold up an API call.
const carrying = 10 * time.Second

// Route is the way of one trigger's events.
type Route struct {
	// Topic (projects/P/topics/T) and Subscription (projects/P/subscriptions/S)
	// are made for the trigger and go with it.
	Topic, Subscription string
	// Region and Service name the Cloud Run service that the events go to, and
	// Path where they are posted there: "" or without a slash in front.
	Region, Service, Path string
	// Account is the e-mail address of the service account that signs; "" = no
	// token is sent.
	Account string
	// Once means that nothing is tried a second time.
	Once bool
}

// Transport carries events.
type Transport interface {
	// Open makes topic and push subscription of a route; what is there already
	// is kept. An error means that the destination gets nothing: the
	// trigger shows it, and Open is called again with the next event.
	Open(ctx context.Context, route Route) error
	// Close takes both away, with what is left in them.
	Close(ctx context.Context, route Route) error
}

// Options say what Eventarc cannot know by itself.
type Options struct {
	// Transport carries events; nil = triggers are kept and deliver nothing.
	Transport Transport
	// Publish puts an event into a route's topic.
	Publish func(ctx context.Context, topic string, data []byte, attributes map[string]string) error
}

// Eventarc is the Eventarc of one project. It is safe for concurrent use.
type Eventarc struct {
	server  *apiserver.Server
	options Options

	writing sync.Mutex // held while the set of triggers changes
	mu      sync.Mutex
	byName  map[string]*trigger
}

// New returns an Eventarc without triggers.
func New(s *apiserver.Server, options Options) *Eventarc {
	return &Eventarc{server: s, options: options, byName: map[string]*trigger{}}
}

// find returns a trigger by its full name, or nil.
func (e *Eventarc) find(name string) *trigger {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byName[name]
}

// all are the triggers of a location ("-": of every one), by name.
func (e *Eventarc) all(location string) []*trigger {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []*trigger
	for _, name := range slices.Sorted(maps.Keys(e.byName)) {
		if each := e.byName[name]; location == "-" || each.location == location {
			found = append(found, each)
		}
	}
	return found
}

// put keeps a trigger and opens its way.
func (e *Eventarc) put(made *trigger) {
	e.mu.Lock()
	e.byName[made.name] = made
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), carrying)
	defer cancel()
	made.open(ctx, e.options.Transport)
}

// drop forgets a trigger and closes its way.
func (e *Eventarc) drop(gone *trigger) {
	e.mu.Lock()
	delete(e.byName, gone.name)
	e.mu.Unlock()
	gone.retire()
	if e.options.Transport == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), carrying)
	defer cancel()
	// Without its trigger, what is left of a way gets nothing any more, and
	// there is no caller left.
	_ = e.options.Transport.Close(ctx, gone.route)
}

func (e *Eventarc) state() map[string]any {
	state := map[string]any{}
	for _, each := range e.all("-") {
		state[each.name] = each.state()
	}
	return state
}

func (e *Eventarc) reset() {
	e.writing.Lock()
	defer e.writing.Unlock()
	for _, each := range e.all("-") {
		e.drop(each)
	}
}

// parent is what the triggers of a location are called after.
func parent(location string) string {
	return "projects/" + apiserver.ProjectID + "/locations/" + location
}

// withoutProject takes "projects/P/" off a name, P being the id or the number.
func withoutProject(name string) string {
	for _, project := range []string{apiserver.ProjectID, apiserver.ProjectNumber} {
		if rest, ok := strings.CutPrefix(name, "projects/"+project+"/"); ok {
			return rest
		}
	}
	return name
}
