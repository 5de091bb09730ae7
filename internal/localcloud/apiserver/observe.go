package apiserver

import (
	"bytes"
	"net/http"
)

// Exchange is one call and its answer, as they were sent.
type Exchange struct {
	// Route is the route that answered, nil if no route fits the request.
	Route   *Route
	Request *http.Request
	// Body is the request's body, as far as it was read.
	Body []byte
	// Status and Answer are what was answered.
	Status int
	Answer []byte
}

// observed keeps a copy of what it answers.
type observed struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (o *observed) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(p []byte) (int, error) {
	o.body.Write(p)
	return o.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
