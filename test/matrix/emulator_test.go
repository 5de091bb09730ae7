package matrix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/port"
)

// emulator is Google's own Pub/Sub emulator, in place of the local cloud's.
type emulator struct {
	t       *testing.T
	w       *world
	address string
	client  *pubsub.Client
	refuses atomic.Bool // the next publish of a report fails for good

	mu   sync.Mutex
	keys map[string][]string // outcomes of reports in the order of their arrival, by ordering key
}

// installed returns the emulator's program, which needs Java. Where it is not installed the
// test is skipped, and says so.
func installed(t *testing.T) (program string) {
	t.Helper()
	const install = "skipped: Google's Pub/Sub emulator is not installed here (gcloud components install pubsub-emulator)"
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip(install)
	}
	if gcloud, err = filepath.EvalSymlinks(gcloud); err != nil {
		t.Skip(install)
	}
	program = filepath.Join(filepath.Dir(filepath.Dir(gcloud)), "platform", "pubsub-emulator", "bin",
		"cloud-pubsub-emulator")
	if _, err := os.Stat(program); err != nil {
		t.Skip(install)
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Skip("skipped: Java is not installed here, which Google's Pub/Sub emulator needs")
	}
	return program
}

// emulated makes a world whose messages Google's emulator delivers.
func emulated(t *testing.T, s scenario) *emulator {
	t.Helper()
	program := installed(t)
	e := &emulator{t: t, address: port.Free(t), keys: map[string][]string{}}
	_, number, _ := strings.Cut(e.address, ":")
	var said output
	command := exec.Command(program, "--host=127.0.0.1", "--port="+number)
	command.Env = append(os.Environ(), "JAVA_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // it keeps nothing
		_ = command.Wait()
	})
	await(t, "the emulator listens", func() bool {
		connection, err := net.Dial("tcp", e.address)
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	connection, err := grpc.NewClient(e.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	if e.client, err = pubsub.NewClient(t.Context(), playground.Project, option.WithGRPCConn(connection)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.client.Close() })
	e.w = open(t, s)
	e.serve()
	e.subscribe()
	return e
}

// serve puts a relay before the emulator, which notes what started reports name, and fails
// where the test says so.
func (e *emulator) serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	server := grpc.NewServer()
	pubsubpb.RegisterPublisherServer(server, relay{e: e})
	go func() { _ = server.Serve(listener) }() // until it is stopped
	e.t.Cleanup(server.Stop)
	e.w.topics = listener.Addr().String()
}

type relay struct {
	pubsubpb.UnimplementedPublisherServer
	e *emulator
}

// Publish passes messages on.
func (r relay) Publish(ctx context.Context, request *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	ofReports := request.GetTopic() == playground.ReportsTopic
	if ofReports && r.e.refuses.CompareAndSwap(true, false) {
		return nil, status.Error(codes.InvalidArgument, "refused once") // no client repeats this by itself
	}
	answer, err := r.e.client.TopicAdminClient.Publish(ctx, request)
	if err == nil && ofReports {
		for _, message := range request.GetMessages() {
			r.e.w.published(message)
		}
	}
	return answer, err
}

// GetTopic shows a topic.
func (r relay) GetTopic(ctx context.Context, request *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	return r.e.client.TopicAdminClient.GetTopic(ctx, request)
}

// subscribe makes the topics, pushes as they are deployed, and a subscription of the reports.
func (e *emulator) subscribe() {
	e.t.Helper()
	for _, topic := range []string{playground.EventsTopic, playground.WorkTopic, playground.CommandsTopic,
		playground.ReportsTopic, playground.DeadLettersTopic} {
		if _, err := e.client.TopicAdminClient.CreateTopic(e.t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
			e.t.Fatal(err)
		}
	}
	for topic, path := range map[string]string{playground.EventsTopic: "/", playground.WorkTopic: "/work"} {
		e.make(&pubsubpb.Subscription{Name: subscription("push-" + path[1:]), Topic: topic, AckDeadlineSeconds: 600,
			EnableMessageOrdering: path == "/work", PushConfig: &pubsubpb.PushConfig{PushEndpoint: e.w.front.URL + path},
			RetryPolicy: &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(100 * time.Millisecond),
				MaximumBackoff: durationpb.New(time.Second)},
			DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: playground.DeadLettersTopic, MaxDeliveryAttempts: 5}})
	}
	e.make(&pubsubpb.Subscription{Name: subscription("reports"), Topic: playground.ReportsTopic,
		EnableMessageOrdering: true})
	e.make(&pubsubpb.Subscription{Name: subscription("dead-letters"), Topic: playground.DeadLettersTopic})
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		err := e.client.Subscriber(subscription("reports")).Receive(ctx, e.receive)
		if err != nil && !errors.Is(err, context.Canceled) {
			e.w.complain("receiving reports: %v", err)
		}
	})
	e.t.Cleanup(func() { cancel(); done.Wait() })
}

func (e *emulator) make(one *pubsubpb.Subscription) {
	e.t.Helper()
	if _, err := e.client.SubscriptionAdminClient.CreateSubscription(e.t.Context(), one); err != nil {
		e.t.Fatalf("%s: %v", one.GetName(), err)
	}
}

func subscription(name string) string {
	return "projects/" + playground.Project + "/subscriptions/iapguard-" + name
}

// receive keeps a report, and under its ordering key what it says.
func (e *emulator) receive(_ context.Context, message *pubsub.Message) {
	e.w.received(playground.Report{Data: message.Data})
	e.mu.Lock()
	e.keys[message.OrderingKey] = append(e.keys[message.OrderingKey],
		strings.TrimPrefix(message.Attributes["ce-type"], report.TypePrefix))
	e.mu.Unlock()
	message.Ack()
}

// deploys publishes that a service was changed, as the log's sink does.
func (e *emulator) deploys(service string) {
	e.t.Helper()
	e.w.found.event++
	parts := strings.Split(service, "/")
	text := fmt.Sprintf(
		`{"insertId":"event-%d","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":%q,`+
			`"resource":{"type":"cloud_run_revision",`+
			`"labels":{"project_id":"demo-project","location":%q,"service_name":%q}},`+
			`"protoPayload":{"serviceName":"run.googleapis.com","resourceName":%q,`+
			`"methodName":"google.cloud.run.v2.Services.UpdateService"}}`,
		e.w.found.event, e.w.Now().UTC().Format(time.RFC3339Nano), parts[3], parts[5], service)
	if _, err := e.client.TopicAdminClient.Publish(e.t.Context(), &pubsubpb.PublishRequest{Topic: playground.EventsTopic,
		Messages: []*pubsubpb.PubsubMessage{{Data: []byte(text)}}}); err != nil {
		e.t.Fatal(err)
	}
}

// reported waits until the last report on a service says something, and returns all.
func (e *emulator) reported(service, outcome string) []string {
	e.t.Helper()
	var all []string
	await(e.t, service+" is "+outcome, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		all = slices.Clone(e.keys[service])
		return len(all) > 0 && all[len(all)-1] == outcome
	})
	return all
}

// onGoogles plays one story with Google's emulator, and counts it. Without -full one is enough:
// each takes a Java machine, and the emulator waits ten seconds before it tries again.
func onGoogles(t *testing.T, total *summary, name string, story func(e *emulator)) {
	if !*full && name != resumed {
		return
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		taken(t)
		for _, s := range scenarios {
			if s.name == "work topic" {
				e := emulated(t, s)
				story(e)
				e.w.strangersStayOut()
				e.w.answered()
				e.w.prober.end()
				total.add(t, e.w, true)
			}
		}
	})
}

const resumed = "a key goes on after a failed publish"

func TestEmulator(t *testing.T) {
	t.Parallel()
	installed(t)
	if !asked("emulator") {
		return
	}
	total := newSummary(t, "emulator")
	hello := global.Name()

	onGoogles(t, total, "ordered keys", func(e *emulator) {
		e.w.start()
		e.deploys(hello)
		got := e.reported(hello, string(report.Protected))
		if want := []string{"started", "protected"}; !slices.Equal(got, want) {
			e.w.complain("the reports under one ordering key are %q, want %q", got, want)
		}
	})

	onGoogles(t, total, "killed in between", func(e *emulator) {
		var once sync.Once
		reached := make(chan struct{})
		e.w.hook(func(c *call) {
			if c.write() {
				once.Do(func() { c.send(); e.w.kill(); close(reached) })
				c.drop()
			}
		})
		e.w.start()
		e.deploys(hello)
		<-reached
		e.w.hook(nil)
		e.w.start()
		e.reported(hello, string(report.Protected))
	})

	// A client that failed to publish under a key publishes nothing more under it, until
	// ResumePublish is called.
	onGoogles(t, total, resumed, func(e *emulator) {
		e.w.start()
		e.refuses.Store(true)
		e.deploys(hello)
		e.reported(hello, string(report.Protected))
		if e.refuses.Load() {
			e.w.complain("no publish was refused: this shows nothing")
		}
	})

	onGoogles(t, total, "dead letters, and their replay", func(e *emulator) {
		e.deploys(hello) // no instance is there, so each delivery is answered by 503
		await(e.t, "all attempts are over", func() bool {
			e.w.mu.Lock()
			defer e.w.mu.Unlock()
			return len(e.w.deliveries) >= 5
		})
		e.w.start()
		e.replay()
		e.reported(hello, string(report.Protected))
	})
}

// replay runs deploy/replay.sh against the emulator until it has put a dead letter back.
func (e *emulator) replay() {
	e.t.Helper()
	for _, program := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			e.t.Skipf("skipped: %s is not installed here, which deploy/replay.sh needs", program)
		}
	}
	folder := e.t.TempDir()
	login := "#!/bin/sh\necho token\n" // the emulator takes any
	if err := os.WriteFile(filepath.Join(folder, "gcloud"), []byte(login), 0o700); err != nil {
		e.t.Fatal(err)
	}
	await(e.t, "a dead letter is put back", func() bool {
		command := exec.CommandContext(e.t.Context(), "bash", "../../deploy/replay.sh", subscription("dead-letters"))
		command.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"),
			"PUBSUB_API=http://"+e.address)
		text, err := command.CombinedOutput()
		if err != nil {
			e.t.Fatalf("replay.sh: %v\n%s", err, text)
		}
		return strings.Contains(string(text), "replay: 1 put back")
	})
}
