package inprocess

import (
	"context"
	"errors"
	"io"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// pullTime is how long a pull waits for a message. Google's waits for a bounded time
// that no document names (unverified).
const pullTime = 2 * time.Second

// Pull leases messages to its caller.
func (s *Server) Pull(ctx context.Context, asked *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	if asked.GetMaxMessages() <= 0 {
		return nil, invalid("The value for max_messages must be greater than zero.") // text unverified
	}
	patience := time.NewTimer(pullTime)
	defer patience.Stop()
	for {
		s.mu.Lock()
		found, err := s.attached(asked.GetSubscription())
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		deadline := time.Duration(found.shown.GetAckDeadlineSeconds()) * time.Second
		taken, changed := found.take(min(int(asked.GetMaxMessages()), mostMessages), deadline, nil), found.changed
		s.mu.Unlock()
		//lint:ignore SA1019 gcloud and other clients still set it
		if len(taken) > 0 || asked.GetReturnImmediately() {
			return &pubsubpb.PullResponse{ReceivedMessages: taken}, nil
		}
		select {
		case <-changed:
		case <-patience.C:
			return &pubsubpb.PullResponse{}, nil
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// Acknowledge is done with messages. Ids that are stale have no effect.
func (s *Server) Acknowledge(_ context.Context, asked *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.attached(asked.GetSubscription())
	if err != nil {
		return nil, err
	}
	for _, id := range asked.GetAckIds() {
		if leased := found.leases[id]; leased != nil {
			found.acknowledge(leased)
		}
	}
	return &emptypb.Empty{}, nil
}

// ModifyAckDeadline prolongs leases, or ends them with a deadline of 0.
func (s *Server) ModifyAckDeadline(_ context.Context, asked *pubsubpb.ModifyAckDeadlineRequest) (
	*emptypb.Empty, error) {
	if deadline := asked.GetAckDeadlineSeconds(); deadline < 0 || deadline > 600 {
		return nil, invalid("Invalid ack deadline given (deadline=%d seconds). Ack deadlines must be between 0 and "+
			"600 seconds.", deadline)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.attached(asked.GetSubscription())
	if err != nil {
		return nil, err
	}
	for _, id := range asked.GetAckIds() {
		found.prolong(id, asked.GetAckDeadlineSeconds())
	}
	return &emptypb.Empty{}, nil
}

// prolong gives a lease so many seconds from now; 0 ends it.
func (s *subscription) prolong(ackID string, seconds int32) {
	switch leased := s.leases[ackID]; {
	case leased == nil:
	case seconds == 0:
		s.release(leased)
	default:
		s.expire(leased, time.Duration(seconds)*time.Second)
	}
}

// stream is one streaming pull.
type stream struct {
	server       *Server
	subscription string
	deadline     time.Duration // of leases
	most         int           // messages leased at once; 0 = no bound
	held         int           // messages leased now
	pinged       chan struct{}
}

// StreamingPull delivers messages as they come. It ends with the subscription.
func (s *Server) StreamingPull(wire pubsubpb.Subscriber_StreamingPullServer) error {
	first, err := wire.Recv()
	if err != nil {
		return err
	}
	opened := &stream{server: s, subscription: first.GetSubscription(),
		most: int(first.GetMaxOutstandingMessages()), pinged: make(chan struct{}, 1)}
	ctx, stop := context.WithCancelCause(wire.Context())
	defer stop(nil)
	defer opened.end()
	if err := opened.receive(first); err != nil {
		return err
	}
	pings := first.GetProtocolVersion() >= 1
	go func() {
		for {
			request, err := wire.Recv()
			if err == nil {
				err = opened.receive(request)
			}
			if err != nil {
				stop(err)
				return
			}
			if pings && len(request.GetAckIds())+len(request.GetModifyDeadlineAckIds()) == 0 {
				select {
				case opened.pinged <- struct{}{}:
				default: // it is answered already
				}
			}
		}
	}()
	err = opened.send(ctx, wire)
	if cause := context.Cause(ctx); errors.Is(cause, io.EOF) {
		return nil
	}
	return err
}

// end gives back what the stream still has. Google waits for the acknowledgement
// deadlines; here a push worker that is replaced must not delay what it had taken.
func (st *stream) end() {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	found, err := st.server.find(st.subscription)
	if err != nil {
		return // the subscription is gone
	}
	for _, e := range found.leases {
		if e.stream == st {
			found.unlease(e)
			e.deliveries-- // nobody was asked
			found.unpause(e)
		}
	}
}

// receive does what a client writes to its stream.
func (st *stream) receive(request *pubsubpb.StreamingPullRequest) error {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	found, err := st.server.attached(st.subscription)
	if err != nil {
		return err
	}
	if seconds := request.GetStreamAckDeadlineSeconds(); seconds > 0 {
		st.deadline = time.Duration(seconds) * time.Second
	}
	for _, id := range request.GetAckIds() {
		if leased := found.leases[id]; leased != nil {
			found.acknowledge(leased)
		}
	}
	for i, id := range request.GetModifyDeadlineAckIds() {
		if i < len(request.GetModifyDeadlineSeconds()) {
			found.prolong(id, request.GetModifyDeadlineSeconds()[i])
		}
	}
	return nil
}

// send delivers until the stream or its subscription ends.
func (st *stream) send(ctx context.Context, wire pubsubpb.Subscriber_StreamingPullServer) error {
	for {
		answer, changed, err := st.next()
		if err != nil {
			return err
		}
		if len(answer.GetReceivedMessages()) > 0 {
			if err := wire.Send(answer); err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-st.pinged:
			if err := wire.Send(&pubsubpb.StreamingPullResponse{}); err != nil {
				return err
			}
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// next leases a message to the stream, or says what to wait for.
func (st *stream) next() (*pubsubpb.StreamingPullResponse, <-chan struct{}, error) {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	found, err := st.server.find(st.subscription)
	if err != nil {
		return nil, nil, err
	}
	if found.shown.GetDetached() {
		return nil, nil, status.Error(codes.FailedPrecondition, "The subscription was detached from its topic.")
	}
	if st.most > 0 && st.held >= st.most {
		return nil, found.changed, nil
	}
	answer := &pubsubpb.StreamingPullResponse{
		ReceivedMessages: found.take(1, st.deadline, st),
		SubscriptionProperties: &pubsubpb.StreamingPullResponse_SubscriptionProperties{
			MessageOrderingEnabled: found.shown.GetEnableMessageOrdering(),
		},
	}
	return answer, found.changed, nil
}
