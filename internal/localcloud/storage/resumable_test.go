package storage_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/api/googleapi"
	gcs "google.golang.org/api/storage/v1"
)

func TestGooglesClientUploadsALargeObjectInParts(t *testing.T) {
	_, client := start(t)
	made(t, client, "memory")
	sent := bytes.Repeat([]byte("0123456789abcdef"), 50<<10) // 800 KiB
	insert := func() (*gcs.Object, error) {
		return client.Objects.Insert("memory", &gcs.Object{Name: "large"}).IfGenerationMatch(0).
			Media(bytes.NewReader(sent), googleapi.ChunkSize(256<<10), googleapi.ContentType("application/x-large")).Do()
	}
	written, err := insert()
	if err != nil || written.Size != uint64(len(sent)) || written.ContentType != "application/x-large" {
		t.Fatalf("uploading: %+v, %v", written, err)
	}
	content, err := client.Objects.Get("memory", "large").Download()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Body.Close()
	if got, err := io.ReadAll(content.Body); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if _, err := insert(); refusedWith(err) != http.StatusPreconditionFailed {
		t.Errorf("over what is there: %v, want 412", err)
	}
}

func TestAnInterruptedUploadGoesOnWhereItStopped(t *testing.T) {
	c, client := start(t)
	made(t, client, "memory")
	send := func(verb, url, body, contentRange string) *http.Response {
		t.Helper()
		request, err := http.NewRequest(verb, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Range", contentRange)
		response, err := http.DefaultTransport.RoundTrip(request) // follows nothing
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	begun := send("POST", c.url+"/upload/storage/v1/b/memory/o?uploadType=resumable&name=a", `{"contentType":"text/plain"}`, "")
	session := begun.Header.Get("Location")
	for _, step := range []struct {
		what, body, contentRange string
		status                   int
		received                 string
	}{
		{"nothing yet", "", "bytes */6", 308, ""},
		{"the first part", "abc", "bytes 0-2/6", 308, "bytes=0-2"},
		{"the first part again", "abc", "bytes 0-2/6", 308, "bytes=0-2"},
		{"a part too far on", "f", "bytes 5-5/6", 308, "bytes=0-2"},
		{"what was received", "", "bytes */6", 308, "bytes=0-2"},
		{"no range", "d", "three", 400, ""},
		{"the last part", "def", "bytes 3-5/6", 200, ""},
		{"after the end", "", "bytes */6", 404, ""},
	} {
		got := send("PUT", session, step.body, step.contentRange)
		if got.StatusCode != step.status || got.Header.Get("Range") != step.received {
			t.Errorf("%s: %d %q, want %d %q", step.what, got.StatusCode, got.Header.Get("Range"), step.status, step.received)
		}
	}
	if read, err := client.Objects.Get("memory", "a").Do(); err != nil || read.Size != 6 || read.ContentType != "text/plain" {
		t.Errorf("afterwards: %+v, %v", read, err)
	}
}
