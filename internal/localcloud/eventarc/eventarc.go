package eventarc

import (
	"context"
	"regexp"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
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
	// Open makes topic and push subscription of a route. Those that are there already are
	// kept, with what is in them, and push from now on as the route says. An error means that
	// the destination gets nothing: the trigger shows it, and Open is called again with the
	// next event.
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
	options  Options
	triggers *collection.Collection
}

// New returns an Eventarc without triggers.
func New(s *apiserver.Server, options Options) *Eventarc {
	e := &Eventarc{options: options}
	e.triggers = collection.New(s, e.kind())
	return e
}

// API is Eventarc as the server serves it: triggers. Their operations are read
// where Cloud Run's are, because both APIs have the same path for them.
func (e *Eventarc) API() apiserver.API {
	api := collection.Merged("eventarc", e.triggers)
	api.Reset = func() {
		for _, each := range e.triggers.All("") {
			e.close(triggerOf(each))
		}
		e.triggers.Reset()
	}
	return api
}

func (e *Eventarc) kind() collection.Kind {
	const audited = "google.cloud.eventarc.v1.Eventarc."
	return collection.Kind{
		Documents: []string{"eventarc/v1"}, Collections: []string{"eventarc.projects.locations.triggers"}, Message: "Trigger",
		Permissions: "eventarc.triggers", Source: "cloud.google.com/eventarc/docs/access-control",
		Audit: map[string]string{"create": audited + "CreateTrigger", "patch": audited + "UpdateTrigger",
			"delete": audited + "DeleteTrigger"},
		ID:       regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`),
		Words:    collection.Words{BadID: `The request was invalid: invalid value for trigger_id: "{id}"`},
		Fixed:    []string{"transport"},
		Location: collection.RegionalOrGlobal,
		Prepare:  prepare,
		Changed: func(w *collection.Write) {
			if w.Old != nil {
				e.leave(triggerOf(*w.Old), w.New)
			}
			if w.New != nil {
				ctx, cancel := context.WithTimeout(context.Background(), carrying)
				defer cancel()
				_ = triggerOf(*w.New).open(ctx, e.options.Transport) // the trigger shows why not
			}
		},
		Answer: collection.LongRunning("google.cloud.eventarc.v1"),
		View:   func(r collection.Resource, shown map[string]any) { triggerOf(r).conditions(shown) },
		State:  func(r collection.Resource, shown map[string]any) { triggerOf(r).counts(shown) },
	}
}

func triggerOf(r collection.Resource) *trigger { return r.Kept.(*trigger) }

// leave ends the way of a trigger that was changed or deleted. One that was changed keeps topic
// and subscription, unless another number of attempts is wanted.
func (e *Eventarc) leave(old *trigger, next *collection.Resource) {
	if next != nil && triggerOf(*next).route.Once == old.route.Once {
		old.retire()
		return
	}
	e.close(old)
}

// close ends the way of a trigger that is gone.
func (e *Eventarc) close(gone *trigger) {
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
