package clients

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	run "cloud.google.com/go/run/apiv2"
	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const (
	parent = "projects/demo-project/locations/us-central1"
	image  = "us-docker.pkg.dev/cloudrun/container/hello"
)

// at are the options that lead a client of Google's to a local cloud.
func at(cloud *cloudtest.Env) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(cloud.URL()), option.WithoutAuthentication()}
}

// isStatus reports whether an error is Google's generated client's own, with a status
// of HTTP, or with the code of gRPC that it stands for.
func isStatus(err error, status int, code codes.Code) bool {
	var refused *apierror.APIError
	return errors.As(err, &refused) && (refused.HTTPCode() == status || refused.GRPCStatus().Code() == code)
}

func TestTheGeneratedRunClientWorksOverREST(t *testing.T) {
	cloud := cloudtest.Start(t, playground.Options{Bare: true})
	ctx := t.Context()
	services, err := run.NewServicesRESTClient(ctx, at(cloud)...)
	if err != nil {
		t.Fatal(err)
	}
	defer services.Close()
	template := &runpb.RevisionTemplate{Containers: []*runpb.Container{{Image: image}}}
	for _, id := range []string{"a", "b", "c"} {
		operation, err := services.CreateService(ctx, &runpb.CreateServiceRequest{Parent: parent, ServiceId: id,
			Service: &runpb.Service{Template: template, Ingress: runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_ONLY}})
		if err != nil {
			t.Fatal(err)
		}
		made, err := operation.Wait(ctx)
		if err != nil || made.GetTerminalCondition().GetState() != runpb.Condition_CONDITION_SUCCEEDED {
			t.Fatalf("creating %s: %v, %v", id, made, err)
		}
	}
	_, err = services.CreateService(ctx, &runpb.CreateServiceRequest{Parent: parent, ServiceId: "a",
		Service: &runpb.Service{Template: template}})
	if !isStatus(err, http.StatusConflict, codes.AlreadyExists) {
		t.Errorf("creating it twice: %v", err)
	}

	const name = parent + "/services/a"
	read, err := services.GetService(ctx, &runpb.GetServiceRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{read.GetIngress(), read.GetLaunchStage().String(), read.GetTraffic()[0].GetType(), read.GetGeneration(),
		read.GetTemplate().GetTimeout().GetSeconds(), read.GetCreateTime().IsValid()}
	want := []any{runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_ONLY, "GA",
		runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, int64(1), int64(300), true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the service (-want +got):\n%s", diff)
	}

	pager := iterator.NewPager(services.ListServices(ctx, &runpb.ListServicesRequest{Parent: parent}), 2, "")
	var pages []string
	for token := "more"; token != ""; {
		var page []*runpb.Service
		if token, err = pager.NextPage(&page); err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, each := range page {
			names += each.GetName()[strings.LastIndex(each.GetName(), "/")+1:]
		}
		pages = append(pages, names)
	}
	if diff := cmp.Diff([]string{"ab", "c"}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}

	update := func(changed *runpb.Service, mask ...string) *runpb.Service {
		t.Helper()
		request := &runpb.UpdateServiceRequest{Service: changed}
		if mask != nil {
			request.UpdateMask = &fieldmaskpb.FieldMask{Paths: mask}
		}
		operation, err := services.UpdateService(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		updated, err := operation.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return updated
	}
	masked := update(&runpb.Service{Name: name, InvokerIamDisabled: true, Description: "not in the mask"},
		"invoker_iam_disabled")
	if !masked.GetInvokerIamDisabled() || masked.GetDescription() != "" {
		t.Errorf("updated by a mask: %v", masked)
	}
	whole := proto.CloneOf(masked)
	whole.Template = proto.CloneOf(template)
	whole.Template.Timeout = durationpb.New(20_500_000_000)
	whole.Labels = map[string]string{"team": "web"}
	if whole = update(whole); whole.GetTemplate().GetTimeout().GetNanos() != 500_000_000 ||
		whole.GetLabels()["team"] != "web" || whole.GetGeneration() != 3 {
		t.Errorf("updated whole: %v", whole)
	}
	_, err = services.UpdateService(ctx, &runpb.UpdateServiceRequest{Service: masked})
	if !isStatus(err, http.StatusConflict, codes.Aborted) {
		t.Errorf("updating an old version: %v", err)
	}

	policy, err := services.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: name})
	if err != nil {
		t.Fatal(err)
	}
	policy.Bindings = []*iampb.Binding{{Role: "roles/run.invoker", Members: []string{"allUsers"}}}
	set, err := services.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: name, Policy: policy})
	if err != nil || len(set.GetBindings()) != 1 || string(set.GetEtag()) == string(policy.GetEtag()) {
		t.Errorf("the policy: %v, %v", set, err)
	}
	tested, err := services.TestIamPermissions(ctx,
		&iampb.TestIamPermissionsRequest{Resource: name, Permissions: []string{"run.services.get"}})
	if err != nil || len(tested.GetPermissions()) != 1 {
		t.Errorf("permissions: %v, %v", tested, err)
	}

	deletion, err := services.DeleteService(ctx, &runpb.DeleteServiceRequest{Name: name})
	if err == nil {
		_, err = deletion.Wait(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err = services.GetService(ctx, &runpb.GetServiceRequest{Name: name}); !isStatus(err, http.StatusNotFound,
		codes.NotFound) {
		t.Errorf("reading what is gone: %v", err)
	}
}
