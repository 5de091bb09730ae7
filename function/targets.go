package function

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// targets gives the services that a cause concerns. Names in a cause match
// Google's grammar; which services are behind a resource is read afresh.
func (f *Function) targets(ctx context.Context, cause event.Cause) ([]posture.Target, error) {
	switch cause.Kind {
	case event.RunServiceChanged, event.RunServiceReady, event.RunIAMChanged:
		return []posture.Target{{Project: cause.Project, Location: cause.Location, Service: cause.Service}}, nil
	case event.BackendServiceChanged:
		return f.resolver.Behind(ctx, backendResource(cause))
	case event.RoutingChanged:
		return f.resolver.Behind(ctx, cause.Resource)
	case event.IAPPolicyChanged, event.IAPSettingsChanged:
		if cause.Service != "" {
			return []posture.Target{{Project: cause.Project, Location: cause.Location, Service: cause.Service}}, nil
		}
		if cause.BackendService != "" {
			return f.resolver.Behind(ctx, backendResource(cause))
		}
	}
	return nil, nil
}

func backendResource(cause event.Cause) string {
	place := posture.Global
	if cause.Location != "" && cause.Location != posture.Global {
		place = "regions/" + cause.Location
	}
	return strings.Join([]string{"projects", cause.Project, place, "backendServices", cause.BackendService}, "/")
}

// rejectedKey identifies a message that has no key of its own by its content.
func rejectedKey(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:16])
}
