package inprocess

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Hooks learn what changes; nil ones are not called.
type Hooks struct {
	// Queued is called before messages that came to a subscription can be delivered.
	// The server is locked: Queued must not call it.
	Queued func(subscription string, messages int)
	// Subscription is called when a subscription was created or changed, and with nil
	// when it was deleted, before the call that did so is answered.
	Subscription func(name string, now *pubsubpb.Subscription)
}

// Server is one Pub/Sub. It is safe for concurrent use.
type Server struct {
	pubsubpb.UnimplementedPublisherServer
	pubsubpb.UnimplementedSubscriberServer
	pubsubpb.UnimplementedSchemaServiceServer

	hooks    Hooks
	grpc     *grpc.Server
	listener net.Listener

	mu            sync.Mutex
	sequence      int64 // of the latest message
	topics        map[string]*topic
	subscriptions map[string]*subscription
	snapshots     map[string]*snapshot
	schemas       map[string][]*pubsubpb.Schema // revisions, the latest last
}

// Start serves on a free port of the loopback interface. The caller closes the server.
func Start(hooks Hooks) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for Pub/Sub: %w", err)
	}
	s := &Server{hooks: hooks, grpc: grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest)), listener: listener,
		topics: map[string]*topic{}, subscriptions: map[string]*subscription{},
		snapshots: map[string]*snapshot{}, schemas: map[string][]*pubsubpb.Schema{}}
	pubsubpb.RegisterPublisherServer(s.grpc, s)
	pubsubpb.RegisterSubscriberServer(s.grpc, s)
	pubsubpb.RegisterSchemaServiceServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(listener) }() // its error is that it was stopped
	return s, nil
}

// maxRequest is the largest request, with room around the 10 MB of a publication
// (pubsub/quotas).
const maxRequest = 11 << 20

// Address is the host:port that the server listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close cuts every stream and forgets everything.
func (s *Server) Close() error {
	s.grpc.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, each := range s.subscriptions {
		each.close()
	}
	return nil
}

// Reset deletes everything that is not kept, and every snapshot and schema.
func (s *Server) Reset(kept func(name string) bool) {
	s.mu.Lock()
	clear(s.snapshots)
	clear(s.schemas)
	maps.DeleteFunc(s.topics, func(name string, _ *topic) bool { return !kept(name) })
	var gone []string
	for name, each := range s.subscriptions {
		if !kept(name) {
			gone = append(gone, name)
			delete(s.subscriptions, name)
			each.close()
		}
	}
	s.mu.Unlock()
	for _, name := range gone {
		s.subscriptionChanged(name, nil)
	}
}

// Contents are the topics and subscriptions by name.
func (s *Server) Contents() (topics []*pubsubpb.Topic, subscriptions []*pubsubpb.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.topics)) {
		topics = append(topics, proto.CloneOf(s.topics[name].shown))
	}
	for _, name := range slices.Sorted(maps.Keys(s.subscriptions)) {
		subscriptions = append(subscriptions, proto.CloneOf(s.subscriptions[name].shown))
	}
	return topics, subscriptions
}

// Backlog is what a subscription has that is not acknowledged.
type Backlog struct {
	Subscription string // projects/P/subscriptions/S
	Messages     int
	Oldest       time.Duration // how long ago the oldest was published; 0 = there is none
}

// Backlogs are the backlogs of all subscriptions, by name.
func (s *Server) Backlogs() []Backlog {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Backlog
	for _, name := range slices.Sorted(maps.Keys(s.subscriptions)) {
		waiting := s.subscriptions[name].every()
		one := Backlog{Subscription: name, Messages: len(waiting)}
		for _, each := range waiting {
			one.Oldest = max(one.Oldest, now().Sub(each.GetPublishTime().AsTime()))
		}
		all = append(all, one)
	}
	return all
}

// maxPage bounds the pages of lists, which is also their default size.
// Source: pubsub/docs/reference/rest/v1; the bound is unverified.
const maxPage = 1000

// page cuts one page out of sorted names. A token is the name that a page ended with.
func page(names []string, size int32, token string) (shown []string, next string) {
	for len(names) > 0 && names[0] <= token {
		names = names[1:]
	}
	if size <= 0 || size > maxPage {
		size = maxPage
	}
	if len(names) <= int(size) {
		return names, ""
	}
	return names[:size], names[size-1]
}

// shortName is the last segment of a resource name, by which Pub/Sub names what is
// missing (recorded: topics, subscriptions and snapshots, 2025).
func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func missing(name string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", shortName(name))
}

func taken(name string) error {
	return status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", shortName(name))
}

func invalid(format string, values ...any) error {
	return status.Errorf(codes.InvalidArgument, format, values...)
}

// checkName refuses a name that is not of the collection, or whose id breaks the
// rules of pubsub/docs/pubsub-basics#resource_names. The text is that of the
// emulator; that the service says the same is unverified.
func checkName(name, collection string) error {
	parts := strings.Split(name, "/")
	if len(parts) == 4 && parts[0] == "projects" && parts[1] != "" && parts[2] == collection && validID(parts[3]) {
		return nil
	}
	return invalid("Invalid resource name given (name=%s). Refer to "+
		"https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.", name)
}

func validID(id string) bool {
	if len(id) < 3 || len(id) > 255 || strings.HasPrefix(id, "goog") {
		return false
	}
	letter := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	return letter(rune(id[0])) && !strings.ContainsFunc(id, func(r rune) bool {
		return !letter(r) && (r < '0' || r > '9') && !strings.ContainsRune("-_.~+%", r)
	})
}

// now is the machine's time: deadlines are kept by its timers.
func now() time.Time { return time.Now() }
