package cases

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// firstPort is where the search for a script's ports begins. It is below the ports that
// Linux gives to outgoing connections, which other tests make at the same time.
const firstPort = 20000

// ports hands out pairs of ports, each pair once.
type ports struct{ next int }

// pair returns a port that is free together with the one after it.
func (p *ports) pair(t *testing.T) int {
	t.Helper()
	for p.next = max(p.next, firstPort); p.next < firstPort+10000; {
		port := p.next
		p.next += 2
		if free(port) && free(port+1) {
			return port
		}
	}
	t.Fatal("no two free ports in a row are left")
	return 0
}

func free(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	return err == nil && listener.Close() == nil
}

// patientSleep is a sleep command for the scripts. They start a local cloud and sleep two
// seconds, which a busy machine exceeds; this one returns when the cloud answers, too.
const patientSleep = `#!/bin/sh
/bin/sleep "$@"
for i in $(seq 300); do
  curl -s -o /dev/null "http://127.0.0.1:$PORT/" && exit
  /bin/sleep 0.1
done
echo "the local cloud at port $PORT does not answer" >&2
`

// patientPath returns a PATH on which patientSleep is found first.
func patientPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sleep"), []byte(patientSleep), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir + string(os.PathListSeparator) + os.Getenv("PATH")
}
