package load

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iapguard/iapguard/test/binary"
)

func TestMain(m *testing.M) { binary.Main(m) }

// instance is the binary as it is deployed.
type instance struct {
	url     string
	process *os.Process
	log     *bytes.Buffer // what it printed; to be read when it is quiet
}

// serve starts the binary as it is deployed. The variables come after those
// that every test needs.
func serve(t *testing.T, variables ...string) instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	var log bytes.Buffer
	command := exec.Command(binary.Deployed(t), "serve")
	command.Stdout, command.Stderr = &log, &log
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), fmt.Sprintf("PORT=%d", port), "LOG_LEVEL=ERROR",
		"IAPGUARD_SELF=iapguard@demo-project.iam.gserviceaccount.com", "IAPGUARD_ENDPOINT=http://127.0.0.1:1",
	}, variables...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("iapguard serve ended with %v: %s", err, log.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if response, err := http.Get(url + "healthz"); err == nil {
			response.Body.Close()
			return instance{url, command.Process, &log}
		}
	}
	t.Fatalf("the function did not start: %s", log.String())
	return instance{}
}

func TestNoRequestIsEverLeftUnanswered(t *testing.T) {
	url := serve(t).url
	for _, clients := range []int{16, 64} {
		const requests = 80_000
		client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
		var left, answered atomic.Int64
		left.Store(requests)
		began := time.Now()
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for left.Add(-1) >= 0 {
					if err := post(client, url); err != nil {
						t.Errorf("%d clients: %v", clients, err)
						return
					}
					answered.Add(1)
				}
			})
		}
		group.Wait()
		if got := answered.Load(); got != requests {
			t.Errorf("%d clients: %d of %d requests answered", clients, got, requests)
		}
		t.Logf("%d clients: %d requests answered, %.0f a second", clients, answered.Load(),
			requests/time.Since(began).Seconds())
	}
}

// post sends one Eventarc event, which must be acknowledged.
func post(client *http.Client, url string) error {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(irrelevant)))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "ce-id": "1", "ce-specversion": "1.0",
		"ce-source": "//cloudaudit.googleapis.com/projects/demo-project/logs/activity",
		"ce-type":   "google.cloud.audit.log.v1.written",
	} {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("status %d, want 204", response.StatusCode)
	}
	return nil
}
