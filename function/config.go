package function

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/kms"
	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/telemetry"
	"github.com/iapguard/iapguard/internal/workqueue"
)

// Config is what the environment says. deploy/docs/reference/environment.md lists the variables.
type Config struct {
	Policy       string // path of the policy file; "" = PolicyText
	PolicyText   []byte // the policy itself; nil = report-only for everything
	Holds        string // path of the holds file; "" = no holds are kept
	ReportsTopic string // projects/P/topics/T; "" = reports go to the log only
	WorkTopic    string // projects/P/topics/T; "" = work is done inline
	Memory       string // gs://BUCKET; "" = what is remembered lasts as long as the process
	MemoryKey    string // path of the key of the records' MACs; "" = they have none
	SigningKey   string // version of a key of Cloud KMS; "" = reports are not signed
	// SignaturesTopic is where the envelopes go, projects/P/topics/T; "" = reports are not signed.
	SignaturesTopic string
	PubSubHost      string            // host:port of a Pub/Sub emulator; "" = Google's
	Self            string            // own service account's e-mail
	Writers         reconcile.Writers // who writes; nil = the own account does
	Callers         Callers           // who may call; the zero value = nobody checks, but on Cloud Run
	Heartbeats      []string          // where heartbeats begin: see parseHeartbeats; none = none is written
	Port            int
	LogLevel        slog.Level
	Connect         connect.Config
	Telemetry       telemetry.Config
	Runtime         RuntimeIdentity // the service that the function itself is; Locate finds it
	Project         string          // id of the project that log lines name for their traces; Locate finds it

	// Store keeps the memory; nil = Memory says where.
	Store memory.Store
	// Queue takes the work, and has it delivered to WorkPath; nil = WorkTopic says who does.
	Queue workqueue.Queue
	// Clock is what every wait and time-out runs on; nil = the machine's.
	Clock clockwork.Clock
	// DueTimer looks for due records every minute, where nobody sends the command due.
	DueTimer bool
	// WorkDeadline is the acknowledgement deadline of what pushes work: half of it at
	// most is spent waiting. 0 = that of deploy/intake.yaml.
	WorkDeadline time.Duration

	ownService string // the function's own name as a Cloud Run service; "" = it is not one
}

func (c Config) clock() clockwork.Clock {
	if c.Clock == nil {
		return clockwork.NewRealClock()
	}
	return c.Clock
}

// holdInAll is how long one delivery of work may wait in all.
func (c Config) holdInAll() time.Duration {
	return min(workqueue.HoldInAll, cmp.Or(c.WorkDeadline, workDeadline)/2)
}

// ReadConfig reads the environment, given as os.Environ gives it. Its error
// names every wrong value in one go.
func ReadConfig(environ []string) (Config, error) {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	problems := unknownVariables(env)
	config := Config{
		Policy: env[prefix+"POLICY"], Holds: env[prefix+"HOLDS"],
		ReportsTopic: env[prefix+"REPORTS_TOPIC"], WorkTopic: env[prefix+"WORK_TOPIC"],
		SigningKey: env[prefix+"SIGNING_KEY"], SignaturesTopic: env[prefix+"SIGNATURES_TOPIC"],
		Memory: env[prefix+"MEMORY"], MemoryKey: env[prefix+"MEMORY_KEY"], PubSubHost: env["PUBSUB_EMULATOR_HOST"],
		Self: env[prefix+"SELF"], Port: 8080, Project: env["GOOGLE_CLOUD_PROJECT"], ownService: env["K_SERVICE"],
		Connect: connect.Config{
			Endpoint: env[prefix+"ENDPOINT"], Endpoints: map[connect.API]string{},
			Self: env[prefix+"SELF"], UserAgent: UserAgent,
		},
	}
	for name, api := range endpointVariables {
		if endpoint := env[prefix+name]; endpoint != "" {
			config.Connect.Endpoints[api] = endpoint
		}
	}
	if err := config.Connect.Check(); err != nil {
		problems = append(problems, err)
	}
	if strings.HasPrefix(config.Holds, "projects/") {
		problems = append(problems, fmt.Errorf(
			"%sHOLDS is %q: it names a file: mount the secret's version, and write its path", prefix, config.Holds))
	}
	for name, value := range map[string]string{"REPORTS_TOPIC": config.ReportsTopic, "WORK_TOPIC": config.WorkTopic,
		"SIGNATURES_TOPIC": config.SignaturesTopic} {
		if value != "" && !topic.Valid(value) {
			problems = append(problems, fmt.Errorf("%s%s is %q: write projects/PROJECT/topics/TOPIC", prefix, name, value))
		}
	}
	if config.SigningKey != "" && !kms.Valid(config.SigningKey) {
		problems = append(problems, fmt.Errorf("%sSIGNING_KEY is %q: write projects/PROJECT/locations/LOCATION/keyRings/RING/"+
			"cryptoKeys/KEY/cryptoKeyVersions/NUMBER", prefix, config.SigningKey))
	}
	if config.SigningKey == "" && config.SignaturesTopic != "" {
		problems = append(problems, errSigning)
	}
	if config.Memory != "" && !storage.Valid(config.Memory) {
		problems = append(problems, fmt.Errorf("%sMEMORY is %q: write gs://BUCKET", prefix, config.Memory))
	}
	if config.Self != "" && !strings.Contains(config.Self, "@") {
		problems = append(problems, fmt.Errorf(
			"%sSELF is %q: write the e-mail address of the own service account", prefix, config.Self))
	}
	var err error
	if config.Callers, err = readCallers(env); err != nil {
		problems = append(problems, err)
	}
	if config.Writers, err = ParseWriters(env[prefix+"WRITERS"]); err != nil {
		problems = append(problems, err)
	}
	if config.Heartbeats, err = parseHeartbeats(env[prefix+"HEARTBEAT"]); err != nil {
		problems = append(problems, err)
	}
	if port := env["PORT"]; port != "" {
		number, err := strconv.Atoi(port)
		if err != nil || number < 1 || number > 65535 {
			problems = append(problems, fmt.Errorf("PORT is %q: write a number from 1 to 65535", port))
		}
		config.Port = number
	}
	if level := env["LOG_LEVEL"]; level != "" {
		if err := config.LogLevel.UnmarshalText([]byte(level)); err != nil {
			problems = append(problems, fmt.Errorf("LOG_LEVEL is %q: write DEBUG, INFO, WARN or ERROR", level))
		}
	}
	var senseless []error
	config.Telemetry, senseless = telemetry.ReadConfig(env)
	return config, errors.Join(append(problems, senseless...)...)
}

// errSigning is that one of two variables is missing. Commands need the key alone, so New checks
// for the topic.
var errSigning = errors.New(prefix + "SIGNING_KEY and " + prefix + "SIGNATURES_TOPIC belong together: the key signs reports, " +
	"and the topic takes the signatures; set both or neither")

func unknownVariables(env map[string]string) []error {
	var problems []error
	for name := range env {
		short, ours := strings.CutPrefix(name, prefix)
		if _, endpoint := endpointVariables[short]; ours && !endpoint && !slices.Contains(variables, short) {
			problems = append(problems, fmt.Errorf(
				"%s is not known to this version of iapguard: unset it, or correct its name", name))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

// OnCloudRun reports whether the function is a service of Cloud Run.
func (c Config) OnCloudRun() bool { return c.ownService != "" }
