// Package asset reads Cloud Asset Inventory: IAM policies of many projects in a few calls. What it
// says may be old. Google documents that data of IAM policies can be delayed by about 36 hours, and
// that some updates may be missed (asset-inventory/docs/asset-types). A caller has to find out what
// changed since.
package asset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cloudasset "google.golang.org/api/cloudasset/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client reads from Cloud Asset Inventory.
type Client struct{ api *cloudasset.Service }

// New connects to the API.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.CloudAsset)
	if err != nil {
		return nil, err
	}
	api, err := cloudasset.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Asset Inventory: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api}, nil
}

// kinds are the types of assets whose policies are listed, with the API that begins their names.
// No search has the policies of IAP, but lists have.
// Source: asset-inventory/docs/asset-types, "Not available in the analysis and search APIs".
var kinds = map[string]string{service: "//run.googleapis.com/", accessTo: "//iap.googleapis.com/"}

const (
	service, accessTo = "run.googleapis.com/Service", "iap.googleapis.com/WebService"

	// pageSize is the largest page of a list, and mostPages bounds the pages that are read.
	// Source: asset-inventory/docs/reference/rest/v1/assets/list.
	pageSize, mostPages = 1000, 200
	// near is by how much the time of a snapshot may differ from ours: it is taken when it is asked for.
	near = 10 * time.Minute
)

// Policy is the IAM policy of one resource, as the inventory has it.
type Policy struct {
	Resource string // the name within its API: projects/P/locations/L/services/S, projects/N/iap_web/…
	Project  string // its project, by number: projects/N
	// UpdatedAt is when the policy was written, as far as the inventory knows; zero = it does not say.
	UpdatedAt time.Time
	Policy    posture.Policy
}

// Listed are the policies of a place.
type Listed struct {
	ReadAt   time.Time // when the oldest of the answers was made
	Policies []Policy
}

// Kinds are the types of assets whose policies can be listed: Cloud Run services, and services as IAP
// has them.
func Kinds() []string { return []string{service, accessTo} }

// Policies lists the IAM policies of the assets of one of Kinds in a project, a folder or an
// organization. An asset that is not among them may have one even so. With an error come those of the
// pages before it.
func (c *Client) Policies(ctx context.Context, place, kind string, now time.Time) (Listed, error) {
	var found Listed
	pages := 0
	list := c.api.Assets.List(place).ContentType("IAM_POLICY").PageSize(pageSize).AssetTypes(kind)
	list.Fields("readTime", "nextPageToken", "assets(name,assetType,iamPolicy,ancestors,updateTime,assetExceptions)")
	err := list.Pages(ctx, func(page *cloudasset.ListAssetsResponse) error {
		at, err := time.Parse(time.RFC3339Nano, page.ReadTime)
		if err != nil || at.Sub(now).Abs() > near {
			return fault.New(fault.Unavailable, "the answer is a snapshot of %q, and not of now", posture.Shown(page.ReadTime))
		}
		if found.ReadAt.IsZero() || at.Before(found.ReadAt) {
			found.ReadAt = at
		}
		for _, each := range page.Assets {
			if one, ok := policyOf(each); ok && each.AssetType == kind {
				found.Policies = append(found.Policies, one)
			}
		}
		if pages++; pages >= mostPages && page.NextPageToken != "" {
			return fault.New(fault.Invalid, "there are more policies than are looked through")
		}
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("listing the IAM policies of %s in Cloud Asset Inventory: %w", place,
			connect.Needing("cloudasset.assets.listIamPolicy", err))
	}
	return found, nil
}

// hiddenCondition is in the role of a binding whose condition an answer leaves out. Whether the
// inventory answers so is *unverified*.
// Source: iam/docs/policies#versions.
const hiddenCondition = "_withcond_"

func hidesCondition(b iampolicy.Binding) bool { return strings.Contains(b.Role, hiddenCondition) }

// policyOf reads a policy, unless the asset is of another kind or says that it is cut, or the policy is
// not whole.
func policyOf(of *cloudasset.Asset) (Policy, bool) {
	name, named := strings.CutPrefix(of.Name, kinds[of.AssetType])
	if kinds[of.AssetType] == "" || !named || of.IamPolicy == nil || len(of.AssetExceptions) > 0 || len(of.Ancestors) == 0 {
		return Policy{}, false
	}
	var policy iampolicy.Policy
	if err := iampolicy.Convert(of.IamPolicy, &policy); err != nil {
		return Policy{}, false
	}
	if slices.ContainsFunc(policy.Bindings, hidesCondition) {
		return Policy{}, false
	}
	one := Policy{Resource: name, Project: of.Ancestors[0], Policy: policy.Posture()}
	one.UpdatedAt, _ = time.Parse(time.RFC3339Nano, of.UpdateTime) // zero = it does not say
	if written := one.Policy.ChangedAt; !written.IsZero() && written.Before(one.UpdatedAt) {
		one.UpdatedAt = written
	}
	return one, true
}

// Projects are the projects in a folder or an organization that have Cloud Run services, by number.
// There may be others.
func (c *Client) Projects(ctx context.Context, place string) ([]string, error) {
	seen := map[string]bool{}
	var found []string
	pages := 0
	search := c.api.V1.SearchAllResources(place).AssetTypes(service).PageSize(500)
	search.Fields("nextPageToken", "results(project)")
	err := search.Pages(ctx, func(page *cloudasset.SearchAllResourcesResponse) error {
		for _, each := range page.Results {
			if number, ok := strings.CutPrefix(each.Project, "projects/"); ok && !seen[number] {
				seen[number] = true
				found = append(found, number)
			}
		}
		if pages++; pages >= mostPages && page.NextPageToken != "" {
			return errors.New("there are more services than are looked through")
		}
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("searching Cloud Asset Inventory for the services in %s: %w", place,
			connect.Needing("cloudasset.assets.searchAllResources", err))
	}
	return found, nil
}
