package delivery

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// backend is where messages are kept.
type backend struct {
	address string
	server  *pstest.Server // nil = an emulator that is not ours to stop
	dial    []grpc.DialOption
}

// newBackend chooses where messages are counted as well as kept: pstest shows
// every publisher; with the emulator only our own client can.
func newBackend(options Options, tracked *inflight) (*backend, error) {
	if options.Project == "" {
		return nil, fmt.Errorf("starting Pub/Sub: no project id given")
	}
	if options.EmulatorHost != "" {
		return &backend{
			address: options.EmulatorHost,
			dial:    []grpc.DialOption{grpc.WithUnaryInterceptor(tracked.intercept)},
		}, nil
	}
	server := pstest.NewServerWithAddress("127.0.0.1:0",
		pstest.ServerReactorOption{FuncName: "Publish", Reactor: witness{tracked}},
		pstest.ServerReactorOption{FuncName: "DeleteTopic", Reactor: witness{tracked}},
	)
	return &backend{address: server.Addr, server: server}, nil
}

// connect makes a client for this backend whatever PUBSUB_EMULATOR_HOST says:
// options given later win over those that the client draws from it.
func (b *backend) connect(ctx context.Context, project string) (*pubsub.Client, error) {
	options := []option.ClientOption{
		option.WithEndpoint(b.address),
		option.WithoutAuthentication(),
		option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
	for _, each := range b.dial {
		options = append(options, option.WithGRPCDialOption(each))
	}
	return pubsub.NewClient(ctx, project, options...)
}

func (b *backend) close() error {
	if b.server == nil {
		return nil
	}
	return b.server.Close()
}

// witness counts what any client publishes to pstest, before it can be
// delivered. It cannot know that a publication will fail because its topic is
// gone, so it sees topics go too.
type witness struct{ inflight *inflight }

// React leaves the request to the server.
func (w witness) React(request any) (bool, any, error) {
	switch request := request.(type) {
	case *pubsubpb.PublishRequest:
		w.inflight.published(request.GetTopic(), len(request.GetMessages()))
	case *pubsubpb.DeleteTopicRequest:
		w.inflight.detach(request.GetTopic())
	}
	return false, nil, nil
}

// intercept counts what our own client publishes, and takes it back when the
// backend refused it.
func (i *inflight) intercept(ctx context.Context, method string, request, answer any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	publish, ok := request.(*pubsubpb.PublishRequest)
	if !ok {
		return invoke(ctx, method, request, answer, connection, options...)
	}
	takeBack := i.published(publish.GetTopic(), len(publish.GetMessages()))
	err := invoke(ctx, method, request, answer, connection, options...)
	if err != nil {
		takeBack()
	}
	return err
}
