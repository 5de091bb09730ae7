package deploy

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// watchDialect lists the changes to the watch's query beside those of dialect.
var watchDialect = []struct {
	bigQuery *regexp.Regexp
	sqlite   string
}{
	{regexp.MustCompile("`my-project\\.iapguard\\.reports`"), "reports"},
	{regexp.MustCompile("`my-project\\.iapguard_watch\\.(\\w+)`"), "watch_$1"},
	{regexp.MustCompile(`TIMESTAMP_SUB\(CURRENT_TIMESTAMP\(\), INTERVAL (\d+) DAY\)`), "(now() - $1 * 86400000000)"},
	{regexp.MustCompile(`\br'`), "'"},
	{regexp.MustCompile(`UNNEST\(JSON_QUERY_ARRAY\(('[^']*')\)\)`), "json_each($1)"},
	{regexp.MustCompile(`JSON_VALUE\((part|ignored),`), "json_value($1.value,"},
	{regexp.MustCompile(`\b(resource|cause)\.(\w+)`), "($1 ->> '$$.$2')"},
	{regexp.MustCompile(`AS STRING\)`), "AS TEXT)"},
}

// watchFunctions are the functions of BigQuery that the watch needs beside functions.
var watchFunctions = map[string]sqlite3.ScalarFunction{
	"regexp_extract": func(c sqlite3.Context, args ...sqlite3.Value) {
		if match := regexp.MustCompile(args[1].Text()).FindStringSubmatch(args[0].Text()); match != nil {
			c.ResultText(match[1])
		}
	},
	"json_value": func(c sqlite3.Context, args ...sqlite3.Value) {
		path := strings.TrimPrefix(strings.TrimPrefix(args[1].Text(), "$"), ".")
		if path == "" {
			c.ResultText(args[0].Text())
			return
		}
		var value any
		if json.Unmarshal([]byte(args[0].Text()), &value) != nil {
			return
		}
		for _, key := range strings.Split(path, ".") {
			record, _ := value.(map[string]any)
			value = record[key]
		}
		switch value := value.(type) {
		case string, bool, float64:
			c.ResultText(fmt.Sprint(value))
		}
	},
}

// watchModule is the module with its watch on.
func watchModule(t *testing.T) *blueprint.Module {
	t.Helper()
	made, err := blueprint.Load(module, blueprint.Options{
		Variables: map[string]any{
			"project_id": "my-project", "region": "europe-west1", "scope": "projects/shop-prod",
			"image":                 "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:" + strings.Repeat("0", 64),
			"notification_channels": []any{"projects/my-project/notificationChannels/1"},
			"watch": map[string]any{"channels": []any{"projects/my-project/notificationChannels/2"},
				"ignored": []any{"sandbox"}},
		},
		Given: map[string]string{
			"google_cloud_run_v2_service.function.uri": "https://guard", "data.google_project.own.number": "12",
			"data.google_project.scope.number": "34",
		}})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// watchScript returns the query of the finding and that of the message, in SQLite's dialect,
// and the parts of the guard that the first one looks for.
func watchScript(t *testing.T) (findings, message string, parts []part) {
	t.Helper()
	configs, err := watchModule(t).Resources("google_bigquery_data_transfer_config")
	if err != nil || len(configs) != 1 {
		t.Fatalf("%d scheduled queries, want one: %v", len(configs), err)
	}
	script := configs[0].Values["params"].(map[string]any)["query"].(string)
	list := regexp.MustCompile(`JSON_QUERY_ARRAY\('(\[\{.*\])'\)`).FindStringSubmatch(script)
	if list == nil {
		t.Fatalf("the query names no parts:\n%s", script)
	}
	if err := json.Unmarshal([]byte(list[1]), &parts); err != nil {
		t.Fatal(err)
	}
	for _, change := range slices.Concat(watchDialect, dialect) {
		script = change.bigQuery.ReplaceAllString(script, change.sqlite)
	}
	pieces := regexp.MustCompile(`(?s)CREATE OR REPLACE TABLE watch_findings AS\n(.*?);\n\nSET message = \((.*?)\);\n\n` +
		`IF message IS NOT NULL THEN\n  RAISE USING MESSAGE = message;\nEND IF;`).FindStringSubmatch(script)
	if pieces == nil {
		t.Fatalf("the script is another one:\n%s", script)
	}
	return pieces[1], pieces[2], parts
}

type part struct{ Type, Name string }

// watched is what the watch looks at.
type watched struct {
	t        *testing.T
	db       *sql.DB
	now      time.Time
	services map[string][]time.Duration // ages of the snapshots that have it, by name
	reports  []reportedService          // what BigQuery has of the guard
	parts    map[part]map[string]any    // what exists of the guard, with its settings
	findings string
	message  string
}

type reportedService struct {
	project, service, cause string
	published, observed     time.Duration // ago
}

// healthy is a guard that sees everything: an old service and a new one.
func healthy(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC),
		services: map[string][]time.Duration{"shop-prod/web": hours(0, 48), "shop-prod/new": hours(0, 4)},
		reports: []reportedService{
			{"shop-prod", "web", "run-service-changed", 100 * time.Hour, 100 * time.Hour},
			{"shop-prod", "web", "command", time.Hour, time.Hour},
			{"shop-prod", "new", "run-service-changed", 4 * time.Hour, 4 * time.Hour},
			{"shop-prod", "new", "command", time.Hour, time.Hour},
		},
		parts: map[part]map[string]any{},
	}
	var parts []part
	w.findings, w.message, parts = watchScript(t)
	for _, each := range parts {
		w.parts[each] = map[string]any{}
	}
	return w
}

// hours lists the ages of hourly snapshots, in minutes so that none is exactly an hour old.
func hours(newest, oldest int) []time.Duration {
	var ages []time.Duration
	for hour := newest; hour <= oldest; hour++ {
		ages = append(ages, time.Duration(hour)*time.Hour+30*time.Minute)
	}
	return ages
}

// found runs the script and returns the findings without their reasons, and the message.
func (w *watched) found() (findings []string, message string) {
	w.t.Helper()
	w.fill()
	if _, err := w.db.Exec("CREATE TABLE watch_findings AS " + w.findings); err != nil {
		w.t.Fatalf("%v\n%s", err, w.findings)
	}
	rows, err := w.db.Query("SELECT kind, name, why FROM watch_findings ORDER BY kind, name")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, name, why string
		if err := rows.Scan(&kind, &name, &why); err != nil {
			w.t.Fatal(err)
		}
		findings = append(findings, kind+" "+name)
	}
	var text sql.NullString
	if err := w.db.QueryRow(w.message).Scan(&text); err != nil && err != sql.ErrNoRows {
		w.t.Fatalf("%v\n%s", err, w.message)
	}
	return findings, text.String
}

// fill writes the tables.
func (w *watched) fill() {
	w.t.Helper()
	db, err := driver.Open("file::memory:", func(c *sqlite3.Conn) error {
		known := functions(func() time.Time { return w.now })
		maps.Copy(known, watchFunctions)
		for name, function := range known {
			if err := c.CreateFunction(name, -1, 0, function); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	w.t.Cleanup(func() { _ = db.Close() })
	w.db = db
	w.exec("CREATE TABLE reports (target, cause, publish_time, observedAt)")
	for _, table := range []string{"services", "sinks", "own"} {
		w.exec("CREATE TABLE watch_" + table + " (name, asset_type, resource, readTime)")
	}
	for _, one := range w.reports {
		number := map[string]string{"34": "34"}[one.project]
		target, err := json.Marshal(map[string]string{"project": one.project, "projectNumber": number,
			"location": "europe-west1", "service": one.service})
		if err != nil {
			w.t.Fatal(err)
		}
		w.exec("INSERT INTO reports VALUES (?, ?, ?, ?)", string(target), `{"kind":"`+one.cause+`"}`,
			w.ago(one.published), w.ago(one.observed))
	}
	for name, ages := range w.services {
		project, service, _ := strings.Cut(name, "/")
		for _, age := range ages {
			w.exec("INSERT INTO watch_services VALUES (?, ?, NULL, ?)", "//run.googleapis.com/projects/"+project+
				"/locations/europe-west1/services/"+service, "run.googleapis.com/Service", w.ago(age))
		}
	}
	for part, settings := range w.parts {
		data, err := json.Marshal(settings)
		if err != nil {
			w.t.Fatal(err)
		}
		resource, err := json.Marshal(map[string]string{"data": string(data)})
		if err != nil {
			w.t.Fatal(err)
		}
		table := "own"
		if strings.HasSuffix(part.Type, "/LogSink") {
			table = "sinks"
		}
		w.exec("INSERT INTO watch_"+table+" VALUES (?, ?, ?, ?)", "//any.googleapis.com/projects/34/"+part.Name, part.Type,
			string(resource), w.ago(30*time.Minute))
	}
}

func (w *watched) ago(age time.Duration) int64 { return w.now.Add(-age).UnixMicro() }

func (w *watched) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Exec(query, args...); err != nil {
		w.t.Fatal(err)
	}
}

// without removes the reports of a service, or of all.
func (w *watched) without(service string) {
	w.reports = slices.DeleteFunc(w.reports, func(one reportedService) bool {
		return service == "" || one.service == service
	})
}

func (w *watched) set(kind, name, setting string, value any) {
	w.t.Helper()
	settings, known := w.parts[part{kind, name}]
	if !known {
		w.t.Fatalf("the watch does not look for %s %s: %v", kind, name, w.parts)
	}
	settings[setting] = value
}

func TestTheWatchFindsWhatTheGuardDoesNotSee(t *testing.T) {
	const web, created = "service projects/shop-prod/locations/europe-west1/services/web",
		"projects/shop-prod/locations/europe-west1/services/new"
	for _, tc := range []struct {
		name  string
		spoil func(w *watched)
		want  []string
	}{
		{"nothing where all is well", func(*watched) {}, nil},
		{"a sweep that no longer runs", func(w *watched) { w.reports[1].published = 26 * time.Hour }, []string{web}},
		{"a sweep that is late", func(w *watched) { w.reports[1].published = 24 * time.Hour }, nil},
		{"a service without any report", func(w *watched) { w.without("web") }, []string{web}},
		{"a dead topic, once a day has passed", func(w *watched) {
			w.without("")
			w.services["shop-prod/new"] = hours(0, 30)
		}, []string{"service " + created, web}},
		{"a clock of the guard that runs ahead", func(w *watched) {
			w.reports[1] = reportedService{"shop-prod", "web", "command", 26 * time.Hour, -48 * time.Hour}
		}, []string{web}},
		{"reports that name the project by its number", func(w *watched) {
			w.services["34/web"] = w.services["shop-prod/web"]
			delete(w.services, "shop-prod/web")
			w.reports[1].project = "34"
		}, nil},
		{"a service that was deleted", func(w *watched) {
			w.services["shop-prod/gone"] = hours(5, 40)
		}, nil},
		{"a project that is ignored", func(w *watched) { w.services["sandbox/toy"] = hours(0, 40) }, nil},
		{"a dead sink: sweeps alone see what is new", func(w *watched) {
			w.reports[2].cause = "command"
		}, []string{"events " + created}},
		{"a new service that is half an hour old", func(w *watched) {
			w.services["shop-prod/new"] = hours(0, 0)
			w.without("new")
		}, nil},
		{"a sink that is disabled", func(w *watched) {
			w.set("logging.googleapis.com/LogSink", "sinks/iapguard-events", "disabled", true)
		}, []string{"part sinks/iapguard-events"}},
		{"a topic that is gone", func(w *watched) {
			delete(w.parts, part{"pubsub.googleapis.com/Topic", "topics/iapguard-reports"})
		}, []string{"part topics/iapguard-reports"}},
		{"a job that is paused", func(w *watched) {
			w.set("cloudscheduler.googleapis.com/Job", "jobs/iapguard-sweep", "state", "PAUSED")
		}, []string{"part jobs/iapguard-sweep"}},
		{"an alert that is off", func(w *watched) {
			w.set("monitoring.googleapis.com/AlertPolicy", "alertPolicies/iapguard: no heartbeat arrives", "enabled",
				map[string]any{"value": false})
		}, []string{"part alertPolicies/iapguard: no heartbeat arrives"}},
		{"the guard's channel is disabled", func(w *watched) {
			w.set("monitoring.googleapis.com/NotificationChannel", "notificationChannels/1", "enabled", false)
		}, []string{"part notificationChannels/1"}},
		{"a channel that was never verified", func(w *watched) {
			w.set("monitoring.googleapis.com/NotificationChannel", "notificationChannels/2", "verificationStatus", "UNVERIFIED")
		}, []string{"part notificationChannels/2"}},
		{"an export that no longer runs", func(w *watched) {
			w.services = map[string][]time.Duration{"shop-prod/web": hours(4, 48)}
		}, []string{"inventory services"}},
		{"no export at all", func(w *watched) { w.services = nil }, []string{"inventory services"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := healthy(t)
			tc.spoil(w)
			got, message := w.found()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if (message != "") != (len(tc.want) > 0) {
				t.Errorf("the run fails with %q, and there are %d findings", message, len(tc.want))
			}
		})
	}
}

// The guard must not be able to write what it is compared with, nor act as its watch.
func TestTheGuardHasNoRightOnItsWatch(t *testing.T) {
	all, err := watchModule(t).Resources()
	if err != nil {
		t.Fatal(err)
	}
	const guard, dataset = "iapguard@my-project", "iapguard_watch"
	seen := 0
	for _, one := range all {
		text, err := json.Marshal(one.Values)
		if err != nil {
			t.Fatal(err)
		}
		grants := strings.HasSuffix(one.Kind, "_iam_member") || strings.HasSuffix(one.Kind, "_iam_policy")
		on := strings.Contains(string(text), dataset) || strings.Contains(one.Address, ".watch")
		if grants && on {
			seen++
			if strings.Contains(string(text), guard) {
				t.Errorf("%s: the guard has a right on its watch: %s", one.Address, text)
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d grants of the watch were found", seen)
	}
}

// The export of services has no contentType, which would copy their environment.
func TestTheInventoryHoldsNoEnvironment(t *testing.T) {
	jobs, err := watchModule(t).Resources("google_cloud_scheduler_job")
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]map[string]any{}
	for _, job := range jobs {
		name, ours := strings.CutPrefix(job.Text("name"), "iapguard-watch-")
		if !ours {
			continue
		}
		var target struct {
			Body, URI string
		}
		text, err := json.Marshal(job.Values["http_target"].([]any)[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &target); err != nil {
			t.Fatal(err)
		}
		body := map[string]any{}
		decoded, err := base64.StdEncoding.DecodeString(target.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(decoded, &body); err != nil {
			t.Fatal(err)
		}
		bodies[name] = body
	}
	if len(bodies) != 3 {
		t.Fatalf("%d exports, want 3", len(bodies))
	}
	for name, body := range bodies {
		types := fmt.Sprint(body["assetTypes"])
		if runs := strings.Contains(types, "run.googleapis.com"); runs && body["contentType"] != nil {
			t.Errorf("the export %s copies settings of services: %v", name, body)
		}
	}
}
