package inprocess

import (
	"context"
	"net/url"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Defaults of a subscription (recorded: 2025; pubsub/docs/subscription-properties).
const (
	defaultAckDeadline = 10 // seconds
	defaultRetention   = 7 * 24 * time.Hour
	defaultExpiration  = 31 * 24 * time.Hour
	defaultMinBackoff  = 10 * time.Second
	defaultMaxBackoff  = 600 * time.Second
	defaultAttempts    = 5
)

// CreateSubscription creates a subscription, which gets what is published from then on.
func (s *Server) CreateSubscription(_ context.Context, asked *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	if err := checkName(asked.GetName(), "subscriptions"); err != nil {
		return nil, err
	}
	made := proto.CloneOf(asked)
	made.State, made.Detached = pubsubpb.Subscription_ACTIVE, false
	complete(made)
	selects, err := parseFilter(made.GetFilter())
	if err != nil {
		return nil, invalid("Invalid filter: %s.", err)
	}
	s.mu.Lock()
	if err := s.checkNew(made); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	subscribed := &subscription{server: s, shown: made, topic: s.topics[made.GetTopic()], filter: selects,
		leases: map[string]*entry{}, pausing: map[*entry]bool{}, held: map[string]int{}, blocked: map[string][]*entry{},
		changed: make(chan struct{})}
	made.TopicMessageRetentionDuration = subscribed.topic.shown.GetMessageRetentionDuration()
	s.subscriptions[made.GetName()] = subscribed
	answer := proto.CloneOf(made)
	s.mu.Unlock()
	s.subscriptionChanged(answer.GetName(), proto.CloneOf(answer))
	return answer, nil
}

// complete fills in what was left open.
func complete(made *pubsubpb.Subscription) {
	if made.GetAckDeadlineSeconds() == 0 {
		made.AckDeadlineSeconds = defaultAckDeadline
	}
	if made.MessageRetentionDuration == nil {
		made.MessageRetentionDuration = durationpb.New(defaultRetention)
	}
	if made.PushConfig == nil {
		made.PushConfig = &pubsubpb.PushConfig{}
	}
	// One without a ttl never expires; none at all is a month (disc: pubsub/v1).
	if made.ExpirationPolicy == nil {
		made.ExpirationPolicy = &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(defaultExpiration)}
	}
	if policy := made.GetDeadLetterPolicy(); policy != nil && policy.GetMaxDeliveryAttempts() == 0 {
		policy.MaxDeliveryAttempts = defaultAttempts
	}
	if policy := made.GetRetryPolicy(); policy != nil {
		if policy.MinimumBackoff == nil {
			policy.MinimumBackoff = durationpb.New(defaultMinBackoff)
		}
		if policy.MaximumBackoff == nil {
			policy.MaximumBackoff = durationpb.New(defaultMaxBackoff)
		}
	}
}

// checkNew refuses a subscription that cannot be created. The lock is held.
func (s *Server) checkNew(made *pubsubpb.Subscription) error {
	if s.subscriptions[made.GetName()] != nil {
		return taken(made.GetName())
	}
	if s.topics[made.GetTopic()] == nil {
		return missing(made.GetTopic())
	}
	return s.check(made)
}

// check refuses settings out of their bounds. The texts are ours beyond their first
// words (unverified). The lock is held.
func (s *Server) check(made *pubsubpb.Subscription) error {
	if deadline := made.GetAckDeadlineSeconds(); deadline < 10 || deadline > 600 {
		return invalid("Invalid ack deadline given (deadline=%d seconds). Ack deadlines must be between 10 and 600 seconds.",
			deadline)
	}
	if err := checkRetention(made.GetMessageRetentionDuration(), longestSubscriptionRetention); err != nil {
		return err
	}
	if endpoint := made.GetPushConfig().GetPushEndpoint(); endpoint != "" && !pushable(endpoint) {
		return invalid("Invalid push endpoint given (endpoint=%s). Refer to "+
			"https://cloud.google.com/pubsub/subscriber#create for more information.", endpoint)
	}
	if policy := made.GetDeadLetterPolicy(); policy != nil {
		if attempts := policy.GetMaxDeliveryAttempts(); attempts < 5 || attempts > 100 {
			return invalid("Invalid value for max delivery attempts (%d). It must be between 5 and 100.", attempts)
		}
		if s.topics[policy.GetDeadLetterTopic()] == nil {
			return missing(policy.GetDeadLetterTopic())
		}
	}
	if policy := made.GetRetryPolicy(); policy != nil {
		least, most := policy.GetMinimumBackoff().AsDuration(), policy.GetMaximumBackoff().AsDuration()
		if least < 0 || most > defaultMaxBackoff || least > most {
			return invalid("Invalid retry policy (minimum_backoff=%s, maximum_backoff=%s). Backoffs must be between "+
				"0 and 600 seconds, the minimum not above the maximum.", least, most)
		}
	}
	return nil
}

// pushable reports whether a URL can be pushed to. Google's have to be https, which a
// program on this machine seldom is.
func pushable(endpoint string) bool {
	parsed, err := url.Parse(endpoint)
	return err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https")
}

// subscriptionChanged lets the hook know, without the lock.
func (s *Server) subscriptionChanged(name string, now *pubsubpb.Subscription) {
	if s.hooks.Subscription != nil {
		s.hooks.Subscription(name, now)
	}
}

// find returns a subscription. The lock is held.
func (s *Server) find(name string) (*subscription, error) {
	if found := s.subscriptions[name]; found != nil {
		return found, nil
	}
	return nil, missing(name)
}

// attached is find for calls about messages. The lock is held.
func (s *Server) attached(name string) (*subscription, error) {
	found, err := s.find(name)
	if err == nil && found.shown.GetDetached() {
		return nil, status.Errorf(codes.FailedPrecondition,
			"Subscription %s is detached from its topic.", shortName(name)) // unverified
	}
	return found, err
}

// GetSubscription returns a subscription.
func (s *Server) GetSubscription(_ context.Context, asked *pubsubpb.GetSubscriptionRequest) (
	*pubsubpb.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(asked.GetSubscription())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(found.shown), nil
}

// ListSubscriptions lists the subscriptions of a project by name.
func (s *Server) ListSubscriptions(_ context.Context, asked *pubsubpb.ListSubscriptionsRequest) (
	*pubsubpb.ListSubscriptionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next := page(within(s.subscriptions, asked.GetProject(), "subscriptions"), asked.GetPageSize(),
		asked.GetPageToken())
	answer := &pubsubpb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range names {
		answer.Subscriptions = append(answer.Subscriptions, proto.CloneOf(s.subscriptions[name].shown))
	}
	return answer, nil
}

// fixedOfSubscription are the fields of a subscription that no update changes.
var fixedOfSubscription = []string{"name", "topic", "filter", "enable_message_ordering", "detached", "state",
	"topic_message_retention_duration"}

// UpdateSubscription changes the fields that the mask names.
func (s *Server) UpdateSubscription(_ context.Context, asked *pubsubpb.UpdateSubscriptionRequest) (
	*pubsubpb.Subscription, error) {
	return s.change(asked.GetSubscription().GetName(), func(changed *pubsubpb.Subscription) error {
		return applyMask(changed, asked.GetSubscription(), asked.GetUpdateMask(), fixedOfSubscription)
	})
}

// ModifyPushConfig makes a subscription push elsewhere, or be pulled.
func (s *Server) ModifyPushConfig(_ context.Context, asked *pubsubpb.ModifyPushConfigRequest) (*emptypb.Empty, error) {
	_, err := s.change(asked.GetSubscription(), func(changed *pubsubpb.Subscription) error {
		changed.PushConfig = proto.CloneOf(asked.GetPushConfig())
		return nil
	})
	return &emptypb.Empty{}, err
}

func (s *Server) change(name string, by func(*pubsubpb.Subscription) error) (*pubsubpb.Subscription, error) {
	s.mu.Lock()
	found, err := s.find(name)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	changed := proto.CloneOf(found.shown)
	err = by(changed)
	complete(changed)
	if err == nil {
		err = s.check(changed)
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	found.shown = changed
	s.mu.Unlock()
	s.subscriptionChanged(name, proto.CloneOf(changed))
	return proto.CloneOf(changed), nil
}

// DeleteSubscription deletes a subscription with what is in it.
func (s *Server) DeleteSubscription(_ context.Context, asked *pubsubpb.DeleteSubscriptionRequest) (
	*emptypb.Empty, error) {
	s.mu.Lock()
	found, err := s.find(asked.GetSubscription())
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	delete(s.subscriptions, asked.GetSubscription())
	found.close()
	s.mu.Unlock()
	s.subscriptionChanged(asked.GetSubscription(), nil)
	return &emptypb.Empty{}, nil
}

// DetachSubscription ends what a subscription gets and drops what is in it.
func (s *Server) DetachSubscription(_ context.Context, asked *pubsubpb.DetachSubscriptionRequest) (
	*pubsubpb.DetachSubscriptionResponse, error) {
	_, err := s.change(asked.GetSubscription(), func(changed *pubsubpb.Subscription) error {
		changed.Detached = true
		s.subscriptions[asked.GetSubscription()].empty()
		return nil
	})
	return &pubsubpb.DetachSubscriptionResponse{}, err
}
