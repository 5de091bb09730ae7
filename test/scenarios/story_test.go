package scenarios

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/canary"
)

var update = flag.Bool("update", false, "write what is seen into the stories")

// together is how many stories are played side by side: they mostly wait.
const together = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err)
	}
	binary.Main(m)
}

func TestStories(t *testing.T) {
	for _, path := range stories(t) {
		t.Run(strings.TrimSuffix(path, ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := readScript(t, path)
			p := start(t, s)
			for i := range s.commands {
				p.do(&s.commands[i])
			}
			if *update {
				s.write(t)
			}
		})
	}
}

// stories are the files of each folder.
func stories(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatalf("no stories found: %v", err)
	}
	return all
}

// do carries out one command, or looks at what came of those before it.
func (p *play) do(c *command) {
	p.t.Helper()
	if len(c.words) == 0 {
		return
	}
	verb, args := c.words[0], c.words[1:]
	if act, ok := acts[verb]; ok {
		if err := act(p, args, c.block); err != nil {
			p.t.Fatalf("%s: %v", c.line, err)
		}
		return
	}
	look, ok := looks[verb]
	if !ok {
		p.t.Fatalf("%s: there is no such command", c.line)
	}
	seen, err := look(p, args)
	seen = p.undated(seen)
	if verb != "look" { // which shows the local cloud
		canary.Check(p.t, "what "+verb+" shows", []byte(strings.Join(seen, "\n")))
	}
	switch {
	case err != nil:
		p.t.Fatalf("%s: %v", c.line, err)
	case *update:
		c.block = seen
	default:
		if diff := gocmp.Diff(c.block, seen); diff != "" {
			p.t.Errorf("%s (-story +seen; -update writes it):\n%s", c.line, diff)
		}
	}
}

// acts are the commands that do something.
var acts = map[string]func(p *play, args, block []string) error{
	"deploy":   (*play).deploys,
	"balance":  (*play).balances,
	"backend":  (*play).makesBackend,
	"frontend": (*play).makesFrontend,
	"map":      (*play).maps,
	"grant":    (*play).grants,
	"revoke":   (*play).revokes,
	"refuse":   (*play).refuses,
	"folder":   (*play).makesFolder,
	"move":     (*play).moves,
	"writer":   (*play).makesWriter,
	"restart":  (*play).restarts,
	"late":     (*play).lates,
	"protect":  (*play).protects,
	"hear":     (*play).hears,
	"entry":    (*play).entry,
	"alert":    (*play).alert,
	"doctor":   (*play).asksDoctor,
	"lift": func(p *play, _, _ []string) error {
		_, err := p.keepFile("holds.yaml", []byte("version: 1\n"))
		return err
	},
	"policy": (*play).changesPolicy,
	"holds":  (*play).changesHolds,
	"lose":   (*play).loses,
	"forge":  (*play).forges,
	"named": func(p *play, args, _ []string) error { // a person lets them in: a plan named them
		for _, v := range visitors {
			if slices.Contains(args, v.name) {
				p.entitled = append(p.entitled, v)
			}
		}
		return nil
	},
	"shuts": func(p *play, _, _ []string) error { // who is named by the policy may be kept out for a while from here on
		p.closes = true
		return nil
	},
	"as": func(p *play, args, _ []string) error {
		if len(args) == 0 {
			return fmt.Errorf("who?")
		}
		p.caller, p.agent = strings.TrimPrefix(args[0], "owner"), ""
		if len(args) > 2 && args[1] == "with" {
			p.agent = strings.Join(args[2:], " ")
		}
		return nil
	},
	"read":  (*play).reads,
	"allow": (*play).allows,
	"flood": (*play).floods,
	"call":  (*play).calls,
	"begin": func(p *play, args, block []string) error {
		p.leaves = true
		defer func() { p.leaves = false }()
		return p.calls(args, block)
	},
	"faults":  (*play).fails,
	"deliver": func(p *play, _, _ []string) error { p.deliver(); return nil },
	"advance": func(p *play, args, _ []string) error {
		d, err := time.ParseDuration(strings.Join(args, ""))
		p.advance(d)
		return err
	},
	"pass": func(p *play, args, _ []string) error {
		d, err := time.ParseDuration(strings.Join(args, ""))
		p.pass(d)
		return err
	},
	"sweep": func(p *play, args, _ []string) error {
		if len(args) == 0 {
			args = []string{playground.Project}
		}
		p.command(map[string]string{"command": "sweep", "target": "projects/" + strings.Join(args, "")})
		return nil
	},
	"forget": func(p *play, args, _ []string) error {
		if len(args) != 2 {
			return fmt.Errorf("write forget FIELD PATH")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.forgotten == nil {
			p.forgotten = map[string]string{}
		}
		p.forgotten[args[1]] = args[0]
		return nil
	},
	"remember": func(p *play, _, _ []string) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.forgotten = nil
		return nil
	},
	"approve": func(p *play, args, _ []string) error {
		if strings.Join(args, " ") == "policy" {
			return p.approvesPolicy()
		}
		said, last, err := p.approves(args)
		if err == nil && !strings.HasPrefix(strings.Join(said, ""), "plan "+last.PlanID) {
			err = errors.New(strings.Join(said, "; "))
		}
		return err
	},
	"apply": func(p *play, args, _ []string) error {
		if len(args) != 3 || args[1] != "plan" {
			return fmt.Errorf("write apply SERVICE plan PLANID")
		}
		id := args[2]
		if reports := p.about(args[0], false); id == "last" && len(reports) > 0 {
			id = reports[len(reports)-1].PlanID
		}
		p.command(map[string]string{"command": "apply", "target": usCentralServices + args[0], "planId": id})
		return nil
	},
}

// approves has an account approve the plan that was last reported of a service: the operator
// unless the story names another.
func (p *play) approves(args []string) (said []string, last report.Report, err error) {
	account := cmp.Or(after(args, "as"), playground.OperatorAccount)
	reports := p.about(args[0], false)
	if len(reports) == 0 {
		return nil, last, fmt.Errorf("nothing was reported that could be approved")
	}
	last = reports[len(reports)-1]
	for _, one := range slices.Backward(reports) {
		if one.Outcome == report.Planned {
			last = one
			break
		}
	}
	said, err = p.send(account, map[string]any{"command": "approve", "planId": last.PlanID})
	return said, last, err
}

// looks are the commands that compare what is seen with their block.
var looks = map[string]func(p *play, args []string) ([]string, error){
	"send": func(p *play, args []string) ([]string, error) {
		fields := map[string]any{"command": args[0]}
		for _, pair := range args[1:] {
			name, value, _ := strings.Cut(pair, "=")
			fields[name] = value
			if value == "yes" {
				fields[name] = true
			}
		}
		said, err := p.send(playground.OperatorAccount, fields)
		for i := range said {
			said[i] = hashes.ReplaceAllString(timeless(said[i]), "$1 …")
		}
		return said, err
	},
	"approval": func(p *play, args []string) ([]string, error) {
		said, _, err := p.approves(args)
		for i := range said {
			said[i] = hashes.ReplaceAllString(timeless(said[i]), "$1 …")
		}
		return said, err
	},
	"reports": func(p *play, args []string) ([]string, error) {
		return tellAll(p.about(strings.Join(args, ""), true)), nil
	},
	"doors": func(p *play, args []string) ([]string, error) {
		return p.lastDoors(strings.Join(args, ""))
	},
	"callers":    (*play).callers,
	"alerts":     (*play).raised,
	"deliveries": (*play).deliveries,
	"advice":     (*play).advice,
	"iapguard":   (*play).types,
	"run":        (*play).runs,
	"publish":    (*play).publishes,
	"evidence":   (*play).evidence,
	"visit":      (*play).visits,
	"refused":    (*play).refused,
	"costs":      (*play).costs,
	"writes": func(p *play, _ []string) ([]string, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		seen := p.written
		p.written = nil
		return seen, nil
	},
	"look": func(p *play, args []string) ([]string, error) {
		if len(args) != 2 {
			return nil, fmt.Errorf("write look FIELD PATH")
		}
		seen, ok := p.call(http.MethodGet, args[1], nil)[args[0]].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("there is no %s", args[0])
		}
		return []string{jsonText(seen)}, nil
	},
	"ask": func(p *play, args []string) ([]string, error) {
		var seen []string
		for _, name := range args {
			d, path, err := p.way(name)
			if err != nil {
				return nil, err
			}
			for _, v := range visitors {
				seen = append(seen, fmt.Sprintf("%s, %s: %s", name, v.name, p.visit(p.playground.DataURL(), d, v, path)))
			}
		}
		return seen, nil
	},
}
