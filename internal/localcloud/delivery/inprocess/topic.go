package inprocess

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// deletedTopic is what subscriptions of a deleted topic show as theirs.
const deletedTopic = "_deleted-topic_"

// topic is a topic with the messages that it retains itself.
type topic struct {
	shown    *pubsubpb.Topic
	retained []message // oldest first; empty without a retention duration
}

// message is one publication.
type message struct {
	sequence int64 // the order of publication, over all topics
	*pubsubpb.PubsubMessage
}

// firstID is one less than the id of the first message. Google's are numbers of 16
// and more digits.
const firstID = 1_000_000_000_000_000

// CreateTopic creates a topic.
func (s *Server) CreateTopic(_ context.Context, asked *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	if err := checkName(asked.GetName(), "topics"); err != nil {
		return nil, err
	}
	if err := checkRetention(asked.GetMessageRetentionDuration(), longestTopicRetention); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[asked.GetName()] != nil {
		return nil, taken(asked.GetName())
	}
	if schema := asked.GetSchemaSettings().GetSchema(); schema != "" && s.schemas[schema] == nil {
		return nil, missing(schema)
	}
	made := &topic{shown: proto.CloneOf(asked)}
	s.topics[asked.GetName()] = made
	return proto.CloneOf(made.shown), nil
}

// GetTopic returns a topic.
func (s *Server) GetTopic(_ context.Context, asked *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.topics[asked.GetTopic()]
	if found == nil {
		return nil, missing(asked.GetTopic())
	}
	return proto.CloneOf(found.shown), nil
}

// fixedOfTopic are the fields of a topic that no update changes.
var fixedOfTopic = []string{"name", "kms_key_name", "state", "satisfies_pzs"}

// UpdateTopic changes the fields that the mask names.
func (s *Server) UpdateTopic(_ context.Context, asked *pubsubpb.UpdateTopicRequest) (*pubsubpb.Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.topics[asked.GetTopic().GetName()]
	if found == nil {
		return nil, missing(asked.GetTopic().GetName())
	}
	changed := proto.CloneOf(found.shown)
	if err := applyMask(changed, asked.GetTopic(), asked.GetUpdateMask(), fixedOfTopic); err != nil {
		return nil, err
	}
	if err := checkRetention(changed.GetMessageRetentionDuration(), longestTopicRetention); err != nil {
		return nil, err
	}
	if schema := changed.GetSchemaSettings().GetSchema(); schema != "" && s.schemas[schema] == nil {
		return nil, missing(schema)
	}
	found.shown = changed
	return proto.CloneOf(changed), nil
}

// ListTopics lists the topics of a project by name.
func (s *Server) ListTopics(_ context.Context, asked *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next := page(within(s.topics, asked.GetProject(), "topics"), asked.GetPageSize(), asked.GetPageToken())
	answer := &pubsubpb.ListTopicsResponse{NextPageToken: next}
	for _, name := range names {
		answer.Topics = append(answer.Topics, proto.CloneOf(s.topics[name].shown))
	}
	return answer, nil
}

// within are the sorted names of a project's resources.
func within[T any](all map[string]T, project, collection string) []string {
	var names []string
	for name := range all {
		if len(name) > len(project) && name[:len(project)+1] == project+"/" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ListTopicSubscriptions lists the names of a topic's subscriptions.
func (s *Server) ListTopicSubscriptions(_ context.Context, asked *pubsubpb.ListTopicSubscriptionsRequest) (
	*pubsubpb.ListTopicSubscriptionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.topics[asked.GetTopic()]
	if found == nil {
		return nil, missing(asked.GetTopic())
	}
	var all []string
	for _, each := range s.of(found) {
		all = append(all, each.shown.GetName())
	}
	names, next := page(all, asked.GetPageSize(), asked.GetPageToken())
	return &pubsubpb.ListTopicSubscriptionsResponse{Subscriptions: names, NextPageToken: next}, nil
}

// ListTopicSnapshots lists the names of the snapshots of a topic's subscriptions.
func (s *Server) ListTopicSnapshots(_ context.Context, asked *pubsubpb.ListTopicSnapshotsRequest) (
	*pubsubpb.ListTopicSnapshotsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[asked.GetTopic()] == nil {
		return nil, missing(asked.GetTopic())
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.snapshots)) {
		if s.snapshots[name].shown.GetTopic() == asked.GetTopic() {
			all = append(all, name)
		}
	}
	names, next := page(all, asked.GetPageSize(), asked.GetPageToken())
	return &pubsubpb.ListTopicSnapshotsResponse{Snapshots: names, NextPageToken: next}, nil
}

// of are the subscriptions of a topic by name. The lock is held.
func (s *Server) of(topic *topic) []*subscription {
	var found []*subscription
	for _, name := range slices.Sorted(maps.Keys(s.subscriptions)) {
		if each := s.subscriptions[name]; each.topic == topic && !each.shown.GetDetached() {
			found = append(found, each)
		}
	}
	return found
}

// DeleteTopic deletes a topic. Its subscriptions keep what is in them.
func (s *Server) DeleteTopic(_ context.Context, asked *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	found := s.topics[asked.GetTopic()]
	if found == nil {
		s.mu.Unlock()
		return nil, missing(asked.GetTopic())
	}
	delete(s.topics, asked.GetTopic())
	var changed []*pubsubpb.Subscription
	for _, each := range s.subscriptions {
		if each.topic == found {
			each.shown.Topic = deletedTopic
			changed = append(changed, proto.CloneOf(each.shown))
		}
	}
	s.mu.Unlock()
	for _, each := range changed {
		s.subscriptionChanged(each.GetName(), each)
	}
	return &emptypb.Empty{}, nil
}

// mostMessages bounds the messages of one request (pubsub/quotas).
const mostMessages = 1000

// Publish puts messages into every subscription of a topic whose filter matches.
func (s *Server) Publish(_ context.Context, asked *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	switch count := len(asked.GetMessages()); {
	case count == 0:
		return nil, invalid("The value for message_count is too small. You passed 0 in the request, " +
			"but the minimum value is 1.")
	case count > mostMessages:
		return nil, invalid("The value for message_count is too large. You passed %d in the request, "+
			"but the maximum value is %d.", count, mostMessages)
	}
	for _, each := range asked.GetMessages() {
		if len(each.GetData()) == 0 && len(each.GetAttributes()) == 0 {
			return nil, invalid("One or more messages in the publish request is empty. Each message must contain " +
				"either non-empty data, or at least one attribute.")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.topics[asked.GetTopic()]
	if found == nil {
		return nil, missing(asked.GetTopic())
	}
	return &pubsubpb.PublishResponse{MessageIds: s.publish(found, asked.GetMessages())}, nil
}

// publish stores messages and returns their ids. The lock is held.
func (s *Server) publish(to *topic, sent []*pubsubpb.PubsubMessage) (ids []string) {
	published := timestamppb.New(now())
	var messages []message
	for _, each := range sent {
		s.sequence++
		made := message{s.sequence, proto.CloneOf(each)}
		made.MessageId, made.PublishTime = strconv.FormatInt(firstID+s.sequence, 10), published
		ids, messages = append(ids, made.MessageId), append(messages, made)
	}
	if retention := to.shown.GetMessageRetentionDuration(); retention != nil {
		to.retained = append(younger(to.retained, retention.AsDuration()), messages...)
	}
	for _, each := range s.of(to) {
		each.queue(messages)
	}
	return ids
}

// younger are the messages of a list, oldest first, that are not older than an age.
func younger(all []message, age time.Duration) []message {
	oldest := now().Add(-age)
	for len(all) > 0 && all[0].GetPublishTime().AsTime().Before(oldest) {
		all = all[1:]
	}
	return all
}

// Bounds of retention (pubsub/docs/replay-overview).
const (
	shortestRetention            = 10 * time.Minute
	longestTopicRetention        = 31 * 24 * time.Hour
	longestSubscriptionRetention = 31 * 24 * time.Hour
)

func checkRetention(asked *durationpb.Duration, longest time.Duration) error {
	if asked == nil {
		return nil
	}
	if length := asked.AsDuration(); length < shortestRetention || length > longest {
		return invalid("Invalid message retention duration given (retention=%d seconds). It must be between "+
			"%d seconds and %d seconds.", int64(length.Seconds()), int64(shortestRetention.Seconds()),
			int64(longest.Seconds()))
	}
	return nil
}
