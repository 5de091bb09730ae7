package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"
	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/policy"
)

// object is a JSON object as it was read. The generated types would lose what
// they do not know, and empty values, on the way back.
type object = map[string]any

// Redeploy forces one new revision from the template of a service at a version,
// and changes nothing else, but for images named by a tag: see
// policy.RedeployImage. It waits until the revision is ready.
//
// The mask names the template, which is sent back as it was read: that a smaller
// mask goes with forceNewRevision is *unverified*. A revision's own name in it is
// cleared, since two revisions cannot have one name (reported:
// terraform-provider-google#14569).
func (c *Client) Redeploy(ctx context.Context, name, version string, image policy.RedeployImage) (string, error) {
	var service struct {
		Etag                string `json:"etag"`
		Template            object `json:"template"`
		LatestReadyRevision string `json:"latestReadyRevision"`
	}
	if err := c.raw(connect.AsSelf(ctx), rawCall{http.MethodGet, "v2/" + name, nil}, &service); err != nil {
		return "", fmt.Errorf("redeploying %q: %w", name, fault.Stale(err))
	}
	if service.Etag != version {
		return "", fault.New(fault.Conflict, "redeploying %q: it has changed since it was looked at", name)
	}
	if err := c.settleImages(ctx, service.Template, service.LatestReadyRevision, image); err != nil {
		return "", fmt.Errorf("redeploying %q: %w", name, fault.Stale(err))
	}
	service.Template["revision"] = ""
	var operation run.GoogleLongrunningOperation
	err := c.raw(ctx, rawCall{
		http.MethodPatch, "v2/" + name + "?updateMask=template&forceNewRevision=true",
		object{"etag": version, "template": service.Template},
	}, &operation)
	if err != nil {
		return "", fmt.Errorf("redeploying %q: %w", name, refusal(name, err))
	}
	return c.finished(ctx, name, templateMask, &operation)
}

// rawCall is a call whose body is sent as it stands. Nil sends none: Google's
// front end refuses a GET that has one.
type rawCall struct {
	method, path string
	body         any
}

// raw makes a call, and decodes its answer with all its fields.
func (c *Client) raw(ctx context.Context, call rawCall, into any) error {
	var body io.Reader
	if call.body != nil {
		sent, err := json.Marshal(call.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(sent)
	}
	request, err := http.NewRequestWithContext(ctx, call.method, c.base+call.path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", c.userAgent)
	response, err := c.http.Do(request)
	if err != nil {
		return connect.Classify(err)
	}
	defer response.Body.Close()
	if err := googleapi.CheckResponse(response); err != nil {
		return connect.Classify(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return connect.Classify(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// settleImages replaces tags by the digests that the serving revision runs, or
// refuses.
func (c *Client) settleImages(ctx context.Context, template object, serving string, image policy.RedeployImage) error {
	containers, _ := template["containers"].([]any)
	for _, each := range containers {
		container, _ := each.(object)
		named, _ := container["image"].(string)
		switch {
		case image == policy.ImageGoOn || strings.Contains(named, "@"):
			continue
		case named == "" || image == policy.ImageRefuse || len(containers) > 1:
			return tagged(fmt.Errorf("image %q is named by a tag, which may have moved", named))
		}
		digest, err := c.digest(ctx, serving)
		if err != nil {
			return err
		}
		container["image"] = withoutTag(named) + "@" + digest
	}
	return nil
}

func tagged(err error) error {
	const remedy = "deploy it by digest, or set redeployImage: go-on in the policy"
	return &fault.Error{Kind: fault.Invalid, Remedy: remedy, Err: err}
}

// digest is what a revision's one image was resolved to, which only v1 shows.
// Source: run/v1's discovery document, RevisionStatus.imageDigest.
func (c *Client) digest(ctx context.Context, revision string) (string, error) {
	location, _, _ := strings.Cut(revision, "/services/")
	revision = revision[strings.LastIndexByte(revision, '/')+1:]
	found, err := c.revisions.Get(location + "/revisions/" + revision).Context(connect.AsSelf(ctx)).Do()
	if err != nil {
		return "", fmt.Errorf("reading revision %q: %w", revision, connect.Classify(err))
	}
	if found.Status != nil {
		if _, digest, ok := strings.Cut(found.Status.ImageDigest, "@"); ok {
			return digest, nil
		}
	}
	return "", tagged(fmt.Errorf("the digest that revision %q runs is not known, and its tag may have moved", revision))
}

// withoutTag is an image's name without its tag. A colon before the last slash
// belongs to a registry's port.
func withoutTag(image string) string {
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		return image[:colon]
	}
	return image
}
