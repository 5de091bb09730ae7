// Package scheduler is Cloud Scheduler: jobs are kept, and run when somebody asks for
// it. No clock runs them.
package scheduler

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
)

type object = map[string]any

// Senders are how a job reaches its target.
type Senders struct {
	// HTTP sends a request and returns the status of its answer.
	HTTP func(dataplane.Sent) (int, error)
	// Publish puts a message into a topic.
	Publish func(topic string, data []byte, attributes map[string]string) error
}

// New returns the API without jobs.
func New(s *apiserver.Server, senders Senders) apiserver.API {
	return collection.Merged("cloudscheduler", collection.New(s, jobs(senders)))
}

func jobs(senders Senders) collection.Kind {
	const audited = "google.cloud.scheduler.v1.CloudScheduler."
	return collection.Kind{
		Documents: []string{"cloudscheduler/v1"}, Collections: []string{"cloudscheduler.projects.locations.jobs"}, Message: "Job",
		Permissions: "cloudscheduler.jobs", Verbs: map[string]string{"resume": "enable"},
		Source: "cloud.google.com/scheduler/docs/access-control",
		Audit: map[string]string{"create": audited + "CreateJob", "patch": audited + "UpdateJob", "delete": audited + "DeleteJob",
			"run": audited + "RunJob", "pause": audited + "PauseJob", "resume": audited + "ResumeJob"},
		// Source: scheduler/docs/reference/rest, Job.name.
		ID: regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`),
		Words: collection.Words{NotFound: "Job not found.", Exists: "Job {name} already exists.",
			BadID: `Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".`},
		MergesMessages: true,
		Defaults: object{
			"timeZone": "Etc/UTC", "state": "ENABLED", "attemptDeadline": "180s",
		},
		Prepare: prepare,
		Actions: map[string]collection.Action{
			"run":    {Writes: true, Do: senders.run},
			"pause":  {Writes: true, Do: becomes("PAUSED")},
			"resume": {Writes: true, Do: becomes("ENABLED")},
		},
	}
}

// retryDefaults fill a retry configuration. Source: scheduler/docs/reference/rest,
// RetryConfig.
var retryDefaults = object{"maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s",
	"maxDoublings": json.Number("5")}

// becomes is a method that sets the state.
func becomes(state string) func(*collection.Collection, *apiserver.Call) (any, error) {
	return func(jobs *collection.Collection, call *apiserver.Call) (any, error) {
		return jobs.Change(call, func(w *collection.Write) error {
			w.New.Body["state"] = state
			return nil
		})
	}
}

// prepare checks a job that is about to be kept, and fills in its target.
func prepare(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	job := w.New.Body
	if text := apiserver.Text(job, "schedule"); !valid(text, apiserver.Text(job, "timeZone")) {
		return apiserver.Invalid("Schedule or time zone is invalid.")
	}
	target, topic := apiserver.Object(job, "httpTarget"), apiserver.Object(job, "pubsubTarget")
	switch {
	case target == nil && topic == nil:
		return apiserver.Invalid("Only jobs with an httpTarget or a pubsubTarget are served here.")
	case target != nil && topic != nil:
		return apiserver.Invalid("Job.target must have exactly one target.")
	case topic != nil && apiserver.Text(topic, "topicName") == "":
		return apiserver.Invalid("Job.pubsub_target.topic_name must be specified.")
	case target != nil:
		if err := complete(w.Call, target); err != nil {
			return err
		}
	}
	if retry := apiserver.Object(job, "retryConfig"); retry != nil { // answered when it was sent (Terraform plans no change)
		for field, value := range retryDefaults {
			if retry[field] == nil {
				retry[field] = value
			}
		}
	}
	job["userUpdateTime"] = collection.Time(w.At)
	return nil
}

// complete checks who may be acted as, and fills in what was not said.
func complete(call *apiserver.Call, target object) error {
	if token := apiserver.Object(target, "oidcToken"); token != nil {
		if err := call.ActAs(apiserver.Text(token, "serviceAccountEmail")); err != nil {
			return err
		}
		if apiserver.Text(token, "audience") == "" { // documented: the target's URI
			token["audience"] = target["uri"]
		}
	}
	if apiserver.Text(target, "httpMethod") == "" {
		target["httpMethod"] = http.MethodPost
	}
	return nil
}

// every is App Engine's language, as far as it needs no calendar.
var every = regexp.MustCompile(`^every [1-9][0-9]* (minutes|mins|hours)( .*)?$`)

// valid reports whether a schedule and its time zone can be read. A job that nobody
// schedules has none.
func valid(schedule, zone string) bool {
	if _, err := time.LoadLocation(zone); err != nil {
		return false
	}
	_, err := cron.ParseStandard(schedule)
	return err == nil || schedule == "" || every.MatchString(schedule)
}

// run calls the target and keeps how that ended.
func (s Senders) run(jobs *collection.Collection, call *apiserver.Call) (any, error) {
	job, err := jobs.Named(call)
	if err != nil {
		return nil, err
	}
	status, err := s.send(job.Body)
	if err != nil {
		return nil, err
	}
	return jobs.Change(call, func(w *collection.Write) error {
		w.New.Body["lastAttemptTime"], w.New.Body["status"] = collection.Time(w.At), status
		return nil
	})
}

// send reaches a job's target, and returns a google.rpc.Status.
func (s Senders) send(job object) (object, error) {
	if topic := apiserver.Object(job, "pubsubTarget"); topic != nil {
		data, _ := base64.StdEncoding.DecodeString(apiserver.Text(topic, "data")) // what is not base64 is sent as nothing
		attributes := map[string]string{}
		for key, value := range apiserver.Object(topic, "attributes") {
			attributes[key], _ = value.(string)
		}
		if err := s.Publish(apiserver.Text(topic, "topicName"), data, attributes); err != nil {
			return object{"code": json.Number("5"), "message": err.Error()}, nil
		}
		return object{}, nil
	}
	target := apiserver.Object(job, "httpTarget")
	token := apiserver.Object(target, "oidcToken")
	body, _ := base64.StdEncoding.DecodeString(apiserver.Text(target, "body"))
	answered, err := s.HTTP(dataplane.Sent{
		Method: apiserver.Text(target, "httpMethod"), URL: apiserver.Text(target, "uri"), UserAgent: "Google-Cloud-Scheduler",
		Header: http.Header{"X-Cloudscheduler": {"true"}}, Body: body,
		Account: apiserver.Text(token, "serviceAccountEmail"), Audience: apiserver.Text(token, "audience"),
	})
	if err != nil {
		return nil, apiserver.Invalid("The URI cannot be called: %v", err)
	}
	return statusOf(answered), nil
}

// statusOf is a google.rpc.Status for an HTTP status
// (google/rpc/code.proto, "HTTP Mapping").
func statusOf(answered int) object {
	code := map[int]int{http.StatusUnauthorized: 16, http.StatusForbidden: 7, http.StatusNotFound: 5,
		http.StatusTooManyRequests: 8}[answered]
	switch {
	case answered < 400:
		return object{}
	case code == 0 && answered >= 500:
		code = 14
	case code == 0:
		code = 9
	}
	return object{"code": json.Number(strconv.Itoa(code))}
}
