package localcloud_test

import (
	"bufio"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

func TestABatchIsAnsweredCallByCall(t *testing.T) {
	base := serve(t, localcloud.Options{Grants: []resourcemanager.Grant{
		{Role: "roles/editor", Member: "user:alice@example.com"}, {Role: "roles/viewer", Member: "user:bob@example.com"},
	}})
	const insert = `{"name":"be"}`
	body := strings.ReplaceAll(`--b
Content-Type: application/http
Content-ID: <id+0>

POST /compute/v1/projects/demo-project/global/backendServices HTTP/1.1
Host: compute.googleapis.com
Content-Type: application/json
Content-Length: 13

`+insert+`
--b
Content-Type: application/http
Content-ID: <id+1>

GET /compute/v1/projects/demo-project/global/backendServices/none HTTP/1.1
Authorization: Bearer user:bob@example.com
Host: compute.googleapis.com


--b--
`, "\n", "\r\n")
	r := request(t, "POST", base+"/batch/compute/v1", body)
	r.Header.Set("Content-Type", `multipart/mixed; boundary="b"`)
	r.Header.Set("Authorization", "Bearer user:alice@example.com")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for parts := multipart.NewReader(response.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		single, err := http.ReadResponse(bufio.NewReader(part), nil)
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.NewDecoder(single.Body).Decode(&object); err != nil {
			t.Errorf("%s: %v", part.Header.Get("Content-ID"), err)
		}
		got[part.Header.Get("Content-ID")] = single.StatusCode
	}
	if diff := cmp.Diff(map[string]int{"<response-id+0>": 200, "<response-id+1>": 404}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, log := send(t, request(t, "GET", base+"/_local/calls", ""))
	var calls []struct{ Principal, Method string }
	if err := json.Unmarshal([]byte(log), &calls); err != nil {
		t.Fatal(err)
	}
	want := []struct{ Principal, Method string }{
		{"user:alice@example.com", "compute.backendServices.insert"}, {"user:bob@example.com", "compute.backendServices.get"},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestABatchThatIsNoneIsRefused(t *testing.T) {
	base := serve(t, localcloud.Options{})
	for kind, body := range map[string]string{
		"application/json":                `{}`,
		"multipart/mixed; boundary=b":     "--b\r\nContent-Type: application/http\r\n\r\nnonsense\r\n--b--\r\n",
		"multipart/mixed; boundary=\"c\"": "--b\r\n",
	} {
		r := request(t, "POST", base+"/batch", body)
		r.Header.Set("Content-Type", kind)
		if status, text := send(t, r); status != 400 || !json.Valid([]byte(text)) {
			t.Errorf("%s: %d %s, want a JSON 400", kind, status, text)
		}
	}
}
