package inprocess

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// snapshot is what was not acknowledged when it was made: those messages, and what
// was published later.
type snapshot struct {
	shown          *pubsubpb.Snapshot
	unacknowledged []message
	latest         int64 // sequence of the latest message when it was made
}

// snapshotLife is how long a snapshot lives at most. Google's end as many days before
// as the oldest message in them is old (disc: pubsub/v1).
const snapshotLife = 7 * 24 * time.Hour

// Seek makes a subscription's messages those since a time, or those of a snapshot:
// what is older counts as acknowledged, and what is retained is delivered anew.
func (s *Server) Seek(_ context.Context, asked *pubsubpb.SeekRequest) (*pubsubpb.SeekResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.attached(asked.GetSubscription())
	if err != nil {
		return nil, err
	}
	switch target := asked.GetTarget().(type) {
	case *pubsubpb.SeekRequest_Time:
		since := target.Time.AsTime()
		found.seek(func(m message) bool { return !m.GetPublishTime().AsTime().Before(since) }, nil)
	case *pubsubpb.SeekRequest_Snapshot:
		kept := s.snapshots[target.Snapshot]
		if kept == nil {
			return nil, missing(target.Snapshot)
		}
		if kept.shown.GetTopic() != found.shown.GetTopic() {
			return nil, invalid("The snapshot %s is not of the topic of subscription %s.", // unverified
				shortName(target.Snapshot), shortName(asked.GetSubscription()))
		}
		inSnapshot := map[int64]bool{}
		for _, each := range kept.unacknowledged {
			inSnapshot[each.sequence] = true
		}
		found.seek(func(m message) bool { return m.sequence > kept.latest || inSnapshot[m.sequence] },
			kept.unacknowledged)
	default:
		return nil, invalid("The request has neither a time nor a snapshot to seek to.") // unverified
	}
	return &pubsubpb.SeekResponse{}, nil
}

// seek keeps the messages that are wanted, and brings back those that are retained
// by the subscription, by its topic or by a snapshot.
func (s *subscription) seek(wanted func(message) bool, also []message) {
	pending := map[int64]bool{}
	for _, each := range s.every() {
		if wanted(each.message) {
			pending[each.sequence] = true
			continue
		}
		holds := each.ackID != "" || s.pausing[each]
		each.dropped = true
		s.unlease(each)
		delete(s.pausing, each)
		if holds {
			s.unhold(each)
		}
		if s.retains() {
			s.retain(each.message)
		}
	}
	var back []message
	for _, each := range slices.Concat(s.retained, s.topic.retained, also) {
		if wanted(each) && !pending[each.sequence] && (s.filter == nil || s.filter(each.GetAttributes())) {
			pending[each.sequence] = true
			back = append(back, each)
		}
	}
	s.retained = slices.DeleteFunc(s.retained, wanted)
	slices.SortFunc(back, func(a, b message) int { return cmp.Compare(a.sequence, b.sequence) })
	if len(back) > 0 && s.server.hooks.Queued != nil {
		s.server.hooks.Queued(s.shown.GetName(), len(back))
	}
	for _, each := range back {
		heap.Push(&s.ready, &entry{message: each})
	}
	s.signal()
}

// CreateSnapshot keeps what a subscription has not acknowledged.
func (s *Server) CreateSnapshot(_ context.Context, asked *pubsubpb.CreateSnapshotRequest) (*pubsubpb.Snapshot, error) {
	if err := checkName(asked.GetName(), "snapshots"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshots[asked.GetName()] != nil {
		return nil, taken(asked.GetName())
	}
	found, err := s.attached(asked.GetSubscription())
	if err != nil {
		return nil, err
	}
	made := &snapshot{latest: s.sequence, shown: &pubsubpb.Snapshot{Name: asked.GetName(),
		Topic: found.shown.GetTopic(), Labels: asked.GetLabels()}}
	oldest := now()
	for _, each := range found.every() {
		made.unacknowledged = append(made.unacknowledged, each.message)
		if published := each.GetPublishTime().AsTime(); published.Before(oldest) {
			oldest = published
		}
	}
	made.shown.ExpireTime = timestamppb.New(oldest.Add(snapshotLife))
	s.snapshots[asked.GetName()] = made
	return proto.CloneOf(made.shown), nil
}

// GetSnapshot returns a snapshot.
func (s *Server) GetSnapshot(_ context.Context, asked *pubsubpb.GetSnapshotRequest) (*pubsubpb.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.snapshots[asked.GetSnapshot()]
	if found == nil {
		return nil, missing(asked.GetSnapshot())
	}
	return proto.CloneOf(found.shown), nil
}

// UpdateSnapshot changes the fields that the mask names.
func (s *Server) UpdateSnapshot(_ context.Context, asked *pubsubpb.UpdateSnapshotRequest) (*pubsubpb.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.snapshots[asked.GetSnapshot().GetName()]
	if found == nil {
		return nil, missing(asked.GetSnapshot().GetName())
	}
	changed := proto.CloneOf(found.shown)
	if err := applyMask(changed, asked.GetSnapshot(), asked.GetUpdateMask(), []string{"name", "topic"}); err != nil {
		return nil, err
	}
	found.shown = changed
	return proto.CloneOf(changed), nil
}

// ListSnapshots lists the snapshots of a project by name.
func (s *Server) ListSnapshots(_ context.Context, asked *pubsubpb.ListSnapshotsRequest) (
	*pubsubpb.ListSnapshotsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next := page(within(s.snapshots, asked.GetProject(), "snapshots"), asked.GetPageSize(), asked.GetPageToken())
	answer := &pubsubpb.ListSnapshotsResponse{NextPageToken: next}
	for _, name := range names {
		answer.Snapshots = append(answer.Snapshots, proto.CloneOf(s.snapshots[name].shown))
	}
	return answer, nil
}

// DeleteSnapshot deletes a snapshot.
func (s *Server) DeleteSnapshot(_ context.Context, asked *pubsubpb.DeleteSnapshotRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshots[asked.GetSnapshot()] == nil {
		return nil, missing(asked.GetSnapshot())
	}
	delete(s.snapshots, asked.GetSnapshot())
	return &emptypb.Empty{}, nil
}
