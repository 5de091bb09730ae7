package monitoring_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	client "google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
)

// objective is one that most requests meet.
func objective() *client.ServiceLevelObjective {
	return &client.ServiceLevelObjective{Goal: 0.95, RollingPeriod: "2419200s",
		ServiceLevelIndicator: &client.ServiceLevelIndicator{RequestBased: &client.RequestBasedSli{
			DistributionCut: &client.DistributionCut{DistributionFilter: `metric.type="x"`,
				Range: &client.GoogleMonitoringV3Range{Max: 10}}}}}
}

func TestAServiceHasObjectivesUntilItIsDeleted(t *testing.T) {
	c := start(t)
	all, err := client.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithHTTPClient(c.As("")))
	if err != nil {
		t.Fatal(err)
	}
	services, objectives := all.Services, all.Services.ServiceLevelObjectives
	made, err := services.Create(project, &client.MService{Custom: &client.Custom{}}).ServiceId("guard").Do()
	if err != nil || made.Name != "projects/123456789012/services/guard" {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := objectives.Create(made.Name, objective()).ServiceLevelObjectiveId("protect").Do(); err != nil {
		t.Fatal(err)
	}
	changed, err := objectives.Patch(made.Name+"/serviceLevelObjectives/protect",
		&client.ServiceLevelObjective{Goal: 0.9}).UpdateMask("goal").Do()
	if err != nil || changed.Goal != 0.9 || changed.RollingPeriod != "2419200s" {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	got := map[string]int{}
	for name, change := range map[string]func(*client.ServiceLevelObjective){
		"no goal":      func(o *client.ServiceLevelObjective) { o.Goal = 0 },
		"a goal of 1":  func(o *client.ServiceLevelObjective) { o.Goal = 1 },
		"no period":    func(o *client.ServiceLevelObjective) { o.RollingPeriod = "" },
		"no indicator": func(o *client.ServiceLevelObjective) { o.ServiceLevelIndicator = nil },
	} {
		bad := objective()
		change(bad)
		_, err := objectives.Create(made.Name, bad).Do()
		got[name] = clienttest.Code(err)
	}
	_, err = services.Create(project, &client.MService{}).Do()
	got["a service of no kind"] = clienttest.Code(err)
	_, err = objectives.Create(project+"/services/none", objective()).Do()
	got["no service"] = clienttest.Code(err)
	want := map[string]int{"no goal": 400, "a goal of 1": 400, "no period": 400, "no indicator": 400,
		"a service of no kind": 400, "no service": 404}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if _, err := services.Delete(made.Name).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := objectives.Get(made.Name + "/serviceLevelObjectives/protect").Do(); clienttest.Code(err) != 404 {
		t.Errorf("the objective of a service that is gone: %v, want a 404", err)
	}
}
