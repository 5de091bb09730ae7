package localcloud

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
)

// Limits of a batch (cloud.google.com/compute/docs/api/how-tos/batch: 1000
// calls); the size is that of any other request.
const (
	maxBatchCalls = 1000
	maxBatchBytes = 10 << 20
)

// batched reports whether a request holds several calls: gcloud sends one when
// it lists several regions at once.
func batched(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/batch" || strings.HasPrefix(r.URL.Path, "/batch/"))
}

// batch answers each call of a multipart/mixed request, in order, and all in
// one multipart/mixed answer.
func (c *Cloud) batch(w http.ResponseWriter, r *http.Request) {
	parts, err := batchParts(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "Failed to parse batch request: "+err.Error())
		return
	}
	var body bytes.Buffer
	answer := multipart.NewWriter(&body)
	for _, part := range parts {
		single := &buffered{header: http.Header{}, status: http.StatusOK}
		c.server.ServeHTTP(single, part.request)
		header := textproto.MIMEHeader{"Content-Type": {"application/http"}}
		if part.id != "" {
			header.Set("Content-ID", "<response-"+strings.Trim(part.id, "<>")+">")
		}
		// Writes into a buffer cannot fail.
		out, _ := answer.CreatePart(header)
		fmt.Fprintf(out, "HTTP/1.1 %d %s\r\n", single.status, http.StatusText(single.status))
		single.header.Set("Content-Length", fmt.Sprint(single.body.Len()))
		single.header.Write(out)
		fmt.Fprintf(out, "\r\n%s", single.body.Bytes())
	}
	answer.Close()
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+answer.Boundary())
	w.Write(body.Bytes())
}

// batchPart is one call of a batch and the id that its answer refers to.
type batchPart struct {
	id      string
	request *http.Request
}

func batchParts(r *http.Request) ([]batchPart, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		return nil, errors.New("the content type must be multipart/mixed")
	}
	reader := multipart.NewReader(io.LimitReader(r.Body, maxBatchBytes), parameters["boundary"])
	var parts []batchPart
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		if len(parts) == maxBatchCalls {
			return nil, fmt.Errorf("there are more than %d calls", maxBatchCalls)
		}
		request, err := innerRequest(r, part)
		if err != nil {
			return nil, fmt.Errorf("call %d: %w", len(parts)+1, err)
		}
		parts = append(parts, batchPart{part.Header.Get("Content-ID"), request})
	}
}

// innerRequest reads one call. What it does not say itself (the token, the
// user agent) is that of the batch.
func innerRequest(outer *http.Request, part io.Reader) (*http.Request, error) {
	text, err := io.ReadAll(part)
	if err != nil {
		return nil, err
	}
	inner, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Authorization", "User-Agent", "X-Goog-Api-Client"} {
		if value := outer.Header.Get(name); value != "" && inner.Header.Get(name) == "" {
			inner.Header.Set(name, value)
		}
	}
	inner.RemoteAddr = outer.RemoteAddr
	return inner.WithContext(outer.Context()), nil
}

// buffered keeps the answer of one call.
type buffered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header { return b.header }

func (b *buffered) WriteHeader(status int) { b.status = status }

func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }
