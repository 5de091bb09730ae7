package connect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/iapguard/iapguard/internal/fault"
)

// Classify says what kind of failure an API error is. nil stays nil. A failed
// connection is Unavailable, and our own deadline Canceled.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	var classified *fault.Error
	if errors.As(err, &classified) {
		// A call for which no token was issued was never sent: its URL says nothing.
		if unsent := (*url.Error)(nil); errors.As(err, &unsent) {
			return unsent.Err
		}
		return err
	}
	var answer *googleapi.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &fault.Error{Kind: fault.Canceled, Err: err}
	case !errors.As(err, &answer):
		return &fault.Error{Kind: fault.Unavailable, Err: err}
	}
	detail := readDetail(answer)
	return &fault.Error{
		Kind:       kindOf(answer, detail),
		Permission: detail.permission,
		Service:    detail.service,
		Consumer:   detail.consumer,
		Account:    detail.account,
		Caller:     answer.Header.Get(callerHeader),
		Constraint: detail.constraint,
		RetryAfter: retryAfter(answer.Header),
		Err:        &apiError{answer},
	}
}

// retryAfter reads how long an answer asks to wait: in seconds, or until a time of the clock
// that wrote its Date. Source: RFC 9110, section 10.2.3.
func retryAfter(header http.Header) time.Duration {
	said := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(said, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(said)
	now, errNow := http.ParseTime(header.Get("Date"))
	if err != nil || errNow != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// kindOf decides by reason where the API gives one, else by status. Sources of
// the reasons: compute/docs/api-rate-limits, google.rpc.ErrorInfo's domain
// googleapis.com, and recorded error bodies.
func kindOf(answer *googleapi.Error, detail detail) fault.Kind {
	has := func(words ...string) bool {
		for _, word := range words {
			for _, item := range answer.Errors {
				if item.Reason == word {
					return true
				}
			}
			if detail.reason == word || detail.status == word {
				return true
			}
		}
		return false
	}
	switch {
	case has("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"),
		answer.Code == http.StatusTooManyRequests:
		return fault.Quota
	case has("SERVICE_DISABLED", "accessNotConfigured"), detail.consumer != "":
		return fault.APIDisabled
	case has("resourceNotReady"):
		return fault.Busy
	case detail.constraint != "", strings.Contains(answer.Message, "constraints/"):
		return fault.OrgPolicy
	case answer.Code == http.StatusBadRequest && strings.Contains(answer.Message, "does not exist"):
		return fault.NotProvisioned
	case answer.Code == http.StatusNotFound:
		return fault.NotFound
	case has("ALREADY_EXISTS", "alreadyExists"): // of a revision with a fixed name, say: no later look finds it otherwise
		return fault.Invalid
	case answer.Code == http.StatusConflict, answer.Code == http.StatusPreconditionFailed:
		return fault.Conflict
	case answer.Code == http.StatusUnauthorized:
		return fault.Unauthenticated
	case answer.Code == http.StatusForbidden:
		return fault.Denied
	case answer.Code == http.StatusNotImplemented: // not offered, in a region say; that does not pass
		return fault.Invalid
	case answer.Code >= 500, answer.Code == http.StatusRequestTimeout:
		return fault.Unavailable
	}
	return fault.Invalid
}

// detail is what only the error's body says.
type detail struct{ status, reason, permission, service, consumer, account, constraint string }

// requiredPermission finds the permission in the texts of the APIs that name
// it nowhere else. Source: recorded and reported error texts.
var requiredPermission = regexp.MustCompile(`(?:Required|Permission) '([a-z]+\.[A-Za-z]+\.[A-Za-z]+)'`)

// disabledAPI finds the API and the project in the texts of the APIs that give them
// nowhere else, as Compute Engine's errors do. Source: recorded error texts.
var disabledAPI = regexp.MustCompile(`/apis/api/([a-z0-9.-]+)/overview\?project=([a-z0-9:.-]+)`)

// actedAs finds the account that the caller may not act as, and constraint the
// organization policy that forbids a call. Source: recorded and reported texts.
var (
	actedAs    = regexp.MustCompile(`denied on service account ([a-z0-9.-]+@[a-z0-9.-]+)`)
	constraint = regexp.MustCompile(`\bconstraints/([A-Za-z]+\.[A-Za-z.]*[A-Za-z])`)
)

// Domain restricted sharing is refused in words that name no constraint; IAM names it in
// the details, Cloud Run nowhere (both reported).
const (
	notPermitted = "do not belong to a permitted customer"
	domains      = "iam.allowedPolicyMemberDomains"
)

func readDetail(answer *googleapi.Error) detail {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Reason   string            `json:"reason"`
				Metadata map[string]string `json:"metadata"`

				Violations []struct {
					Type string `json:"type"`
				} `json:"violations"`
			} `json:"details"`
		} `json:"error"`
	}
	// A body of another shape leaves the status code to decide.
	_ = json.Unmarshal([]byte(answer.Body), &body)
	found := detail{status: body.Error.Status}
	for _, item := range body.Error.Details {
		for _, violation := range item.Violations {
			found.constraint = cmp.Or(found.constraint, constraintIn(violation.Type))
		}
		if item.Reason == "" {
			continue
		}
		found.reason = item.Reason
		found.permission = item.Metadata["permission"]
		if item.Reason == "SERVICE_DISABLED" {
			found.service, found.consumer = item.Metadata["service"], item.Metadata["consumer"]
		}
	}
	if match := requiredPermission.FindStringSubmatch(answer.Message); match != nil && found.permission == "" {
		found.permission = match[1]
	}
	if match := disabledAPI.FindStringSubmatch(answer.Message); match != nil && found.service == "" {
		found.service, found.consumer = match[1], "projects/"+match[2]
	}
	found.constraint = cmp.Or(constraintIn(answer.Message), found.constraint)
	if found.constraint == "" && strings.Contains(answer.Message, notPermitted) {
		found.constraint = domains
	}
	if strings.EqualFold(found.permission, actAs) {
		found.permission = actAs
		if match := actedAs.FindStringSubmatch(answer.Message); match != nil {
			found.account = match[1]
		}
	}
	return found
}

// constraintIn returns the constraint that a text names, "" for none.
func constraintIn(text string) string {
	if match := constraint.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// actAs is a permission that Cloud Run's errors write in lower case (reported by
// many), which is not a name that a role accepts.
const actAs = "iam.serviceAccounts.actAs"

// Needing is Classify for a call that needs one permission, which the API does
// not name when it is missing: Resource Manager only says that the caller does
// not have permission (recorded).
func Needing(permission string, err error) error {
	err = Classify(err)
	var classified *fault.Error
	if errors.As(err, &classified) && classified.Kind == fault.Denied && classified.Permission == "" {
		named := *classified
		named.Permission = permission
		return &named
	}
	return err
}

// apiError prints an API's answer on one line: the generated clients add the
// whole body, and a message may hold any text.
type apiError struct{ answer *googleapi.Error }

func (e *apiError) Error() string {
	message, _, _ := strings.Cut(e.answer.Message, "\n")
	if message == "" {
		message = http.StatusText(e.answer.Code)
	}
	return http.StatusText(e.answer.Code) + ": " + message
}

func (e *apiError) Unwrap() error { return e.answer }
