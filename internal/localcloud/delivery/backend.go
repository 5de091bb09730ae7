package delivery

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
)

// backend is where messages are kept.
type backend struct {
	address string
	server  *inprocess.Server // nil = an emulator that is not ours to stop
	dial    []grpc.DialOption
}

// newBackend chooses where messages are counted as well as kept: our own server
// shows every publisher; with the emulator only our own client can.
func newBackend(options Options, hooks inprocess.Hooks, tracked *inflight) (*backend, error) {
	if options.Project == "" {
		return nil, fmt.Errorf("starting Pub/Sub: no project id given")
	}
	if options.EmulatorHost != "" {
		return &backend{
			address: options.EmulatorHost,
			dial:    []grpc.DialOption{grpc.WithUnaryInterceptor(tracked.intercept)},
		}, nil
	}
	server, err := inprocess.Start(hooks)
	if err != nil {
		return nil, err
	}
	return &backend{address: server.Address(), server: server}, nil
}

// maxAnswer bounds what is read of one answer: a thousand messages are pulled at once.
const maxAnswer = 256 << 20

// transport are the options of connections to this backend.
func (b *backend) transport() []grpc.DialOption {
	return append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer))}, b.dial...)
}

// connect makes a client for this backend whatever PUBSUB_EMULATOR_HOST says:
// options given later win over those that the client draws from it.
func (b *backend) connect(ctx context.Context, project string) (*pubsub.Client, error) {
	options := []option.ClientOption{
		option.WithEndpoint(b.address),
		option.WithoutAuthentication(),
		option.WithTelemetryDisabled(),
	}
	for _, each := range b.transport() {
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

// intercept counts what our own client publishes, and takes it back when the
// emulator refused it.
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
