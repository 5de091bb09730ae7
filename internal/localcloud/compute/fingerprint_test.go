package compute

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

func TestFingerprintsAreEightBytesInURLSafeBase64(t *testing.T) {
	special := false
	for i := range 64 {
		text := digest(map[string]any{"n": i})
		bytes, err := base64.URLEncoding.DecodeString(text)
		if err != nil || len(bytes) != 8 {
			t.Errorf("%q: %d bytes, %v", text, len(bytes), err)
		}
		special = special || strings.ContainsAny(text, "-_")
	}
	if !special {
		t.Error("none of 64 fingerprints has a character that is in one alphabet only")
	}
}

func TestAFingerprintIsTheSameInBothAlphabets(t *testing.T) {
	for sent, same := range map[string]bool{"-_-_-_-_-_8=": true, "+/+/+/+/+/8=": true, "-_-_-_-_-_4=": false, "x": false} {
		if err := checkFingerprint("fingerprint", sent, "-_-_-_-_-_8=", true); (err == nil) != same {
			t.Errorf("%s: %v, want it taken: %v", sent, err, same)
		}
	}
}

func TestLinksAreReadInEveryForm(t *testing.T) {
	type read struct {
		Path string
		OK   bool
	}
	const path = "projects/demo-project/global/backendServices/be"
	api := New(apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now}))
	for form, want := range map[string]read{
		path:                        {path, true},
		"global/backendServices/be": {path, true},
		"https://www.googleapis.com/compute/v1/" + path:        {path, true},
		"https://compute.googleapis.com/compute/alpha/" + path: {path, true},
		"http://127.0.0.1:9090/" + path:                        {path, true},
		"projects/123456789012/global/backendServices/be":      {path, true},
		"projects/example.com:other/global/backendServices/be": {
			"projects/example.com:other/global/backendServices/be", true},
		"regions/us-central1/backendServices/be": {"projects/demo-project/regions/us-central1/backendServices/be", true},
		"be":                                     {"be", false},
		"":                                       {"", false},
		"projects/demo-project/backendServices/be": {"projects/demo-project/backendServices/be", false},
		"projects/demo-project/global/backendServices/be/../other": {
			"projects/demo-project/global/backendServices/be/../other", false},
	} {
		got, ok := api.parseLink(apiserver.DefaultProject(), form)
		if diff := cmp.Diff(want, read{got, ok}); diff != "" {
			t.Errorf("%q (-want +got):\n%s", form, diff)
		}
	}
}
