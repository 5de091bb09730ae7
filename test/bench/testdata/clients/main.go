// Command clients is what the start of iapguard is held against: a program that makes the same
// Google clients and serves by the same framework, and does nothing with them.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"cloud.google.com/go/pubsub/v2"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	cloudresourcemanagerv1 "google.golang.org/api/cloudresourcemanager/v1"
	cloudresourcemanagerv3 "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/eventarc/v1"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/iap/v1"
	"google.golang.org/api/logging/v2"
	"google.golang.org/api/monitoring/v3"
	"google.golang.org/api/networksecurity/v1"
	"google.golang.org/api/option"
	pubsubrest "google.golang.org/api/pubsub/v1"
	runv1 "google.golang.org/api/run/v1"
	runv2 "google.golang.org/api/run/v2"
	"google.golang.org/api/secretmanager/v1"
	"google.golang.org/api/securitycenter/v1"
	serviceusagev1 "google.golang.org/api/serviceusage/v1"
	serviceusagev1beta1 "google.golang.org/api/serviceusage/v1beta1"
	"google.golang.org/api/storage/v1"
)

func main() {
	ctx := context.Background()
	plain := []option.ClientOption{option.WithHTTPClient(http.DefaultClient), option.WithEndpoint(os.Getenv("ENDPOINT"))}
	for _, made := range []func() error{
		func() error { _, err := cloudresourcemanagerv1.NewService(ctx, plain...); return err },
		func() error { _, err := cloudresourcemanagerv3.NewService(ctx, plain...); return err },
		func() error { _, err := cloudscheduler.NewService(ctx, plain...); return err },
		func() error { _, err := compute.NewService(ctx, plain...); return err },
		func() error { _, err := eventarc.NewService(ctx, plain...); return err },
		func() error { _, err := iam.NewService(ctx, plain...); return err },
		func() error { _, err := iamcredentials.NewService(ctx, plain...); return err },
		func() error { _, err := iap.NewService(ctx, plain...); return err },
		func() error { _, err := logging.NewService(ctx, plain...); return err },
		func() error { _, err := monitoring.NewService(ctx, plain...); return err },
		func() error { _, err := networksecurity.NewService(ctx, plain...); return err },
		func() error { _, err := pubsubrest.NewService(ctx, plain...); return err },
		func() error { _, err := runv1.NewService(ctx, plain...); return err },
		func() error { _, err := runv2.NewService(ctx, plain...); return err },
		func() error { _, err := secretmanager.NewService(ctx, plain...); return err },
		func() error { _, err := securitycenter.NewService(ctx, plain...); return err },
		func() error { _, err := serviceusagev1.NewService(ctx, plain...); return err },
		func() error { _, err := serviceusagev1beta1.NewService(ctx, plain...); return err },
		func() error { _, err := storage.NewService(ctx, plain...); return err },
		func() error { _, err := pubsub.NewClient(ctx, "demo-project"); return err },
	} {
		if err := made(); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.Setenv("FUNCTION_TARGET", "Protect"); err != nil {
		log.Fatal(err)
	}
	functions.HTTP("Protect", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	log.Fatal(funcframework.Start(os.Getenv("PORT")))
}
