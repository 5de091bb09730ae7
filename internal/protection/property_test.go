package protection

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// generated gives a posture that might be anybody's, from a seed.
func generated(seed uint64) (posture.Posture, policy.Wanted) {
	r := rand.New(rand.NewPCG(seed, 1))
	coin := func() bool { return r.IntN(2) == 0 }
	maybe := func(members ...string) []string {
		return slices.DeleteFunc(slices.Clone(members), func(string) bool { return coin() })
	}
	policyOf := func(version string) posture.Policy {
		p := posture.Policy{Version: version}
		for _, role := range []string{posture.RoleInvoker, "roles/run.admin", "roles/run.viewer", "projects/p/roles/r"} {
			for _, condition := range []string{"", "request.time < x"} {
				if members := maybe("allUsers", "allAuthenticatedUsers", agent,
					"user:bob@example.com"); len(members) > 0 && coin() {
					p.Bindings = append(p.Bindings, posture.Binding{Role: role, Members: members, Condition: condition})
				}
			}
		}
		return p
	}
	p, w := deployed(), want()
	p.Invokers = policyOf("p1")
	p.Service.InvokerCheckOff, p.Service.IAPOn = coin(), r.IntN(8) == 0
	ingress := []posture.Ingress{posture.IngressAll, posture.IngressAll, posture.IngressInternal,
		posture.IngressInternalLoadBalancing, posture.IngressNone, posture.IngressUnknown}
	p.Service.Ingress = ingress[r.IntN(len(ingress))]
	p.Service.URLs, p.Service.DefaultURLDisabled = maybe("https://hello.run.app"), r.IntN(8) == 0
	p.Service.HTTP2, p.NoOrganization = r.IntN(8) == 0, r.IntN(8) == 0
	p.Service.TagURLs = maybe("https://blue---hello.run.app")
	p.Backends = nil
	for i := range r.IntN(3) {
		backend := deployed().Backends[0]
		backend.Name, backend.Version = fmt.Sprintf("b%d", i), fmt.Sprintf("f%d", i)
		backend.IAPOn, backend.CDNOn = coin(), r.IntN(8) == 0
		backend.Members = []posture.Member{{Target: p.Target, Invokers: p.Invokers}}
		if coin() {
			neighbour := p.Target
			neighbour.Service = fmt.Sprintf("n%d", r.IntN(2))
			backend.Members = append(backend.Members,
				posture.Member{Target: neighbour, Missing: r.IntN(4) == 0, Invokers: policyOf("n1")})
		}
		switch r.IntN(10) {
		case 0, 1:
			backend.Frontends = nil
		case 2:
			backend.Frontends = []posture.Frontend{{Resource: "map", Unread: "denied"}}
		case 3:
			backend.Frontends = append(backend.Frontends,
				posture.Frontend{Resource: "plain", Hosts: []string{"a.example.com"}},
				posture.Frontend{Resource: "plain", Hosts: []string{"b.example.com"}, Paths: []string{"/x"}})
		}
		backend.Scheme = []string{"EXTERNAL_MANAGED", "EXTERNAL_MANAGED", "EXTERNAL", "INTERNAL_MANAGED"}[r.IntN(4)]
		backend.OAuthClient = []string{"", "", "", "1-ours.apps", "2-theirs.apps"}[r.IntN(5)]
		if coin() {
			backend.Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor,
				Members: maybe(alice, "user:bob@example.com", "user:eve@example.com")}}
			if r.IntN(8) == 0 {
				public := door.PublicMembers[r.IntN(2)]
				backend.Access.Bindings[0].Members = append(backend.Access.Bindings[0].Members, public)
			}
		}
		p.Backends = append(p.Backends, backend)
	}
	w.Recipe = []policy.Recipe{policy.RecipeAuto, policy.RecipeAuto, policy.RecipeLoadBalancer,
		policy.RecipeDirect}[r.IntN(4)]
	w.WithoutLoadBalancer = []policy.WithoutLoadBalancer{policy.WithoutWait, policy.WithoutClose,
		policy.WithoutDirect}[r.IntN(3)]
	if coin() {
		p.DirectAccess.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: maybe(alice)}}
	}
	if r.IntN(3) == 0 {
		for _, role := range []string{posture.RoleInvoker, posture.RoleAccessor} {
			p.Project.Bindings = append(p.Project.Bindings,
				posture.Binding{Role: role, Members: maybe(alice, agent, "group:staff@example.com")})
		}
		if r.IntN(8) == 0 {
			p.Project.Bindings[0].Members = append(p.Project.Bindings[0].Members, "allUsers")
		}
	}
	w.Access = maybe(alice, "user:bob@example.com")
	if r.IntN(6) == 0 {
		w.AccessCondition = while
	}
	w.KeepIngress, w.KeepInvokers = r.IntN(6) == 0, r.IntN(6) == 0
	if r.IntN(3) == 0 {
		w.OAuthClient = policy.OAuthClient{ID: "1-ours.apps", Secret: "projects/p/secrets/s/versions/1"}
	}
	return p, w
}

// generatedRegions gives a multi-region posture that might be anybody's, from a seed: two
// generated ones with the settings of one service, but for what somebody wrote in a region,
// behind some of the same backend services.
func generatedRegions(seed uint64) (posture.Posture, policy.Wanted) {
	r := rand.New(rand.NewPCG(seed, 2))
	one, w := generated(2 * seed)
	two, _ := generated(2*seed + 1)
	whole := one
	whole.Target.Location, whole.Invokers, whole.Backends = posture.Global, posture.Policy{Version: "g1"}, nil
	if r.IntN(8) == 0 {
		whole.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}
	}
	if r.IntN(4) > 0 {
		two.Service = one.Service
	}
	for i := range two.Backends {
		two.Backends[i].Name = "c" + two.Backends[i].Name
	}
	if len(one.Backends) > 0 && r.IntN(3) > 0 {
		two.Backends = append(two.Backends, one.Backends[0])
	}
	parts := []posture.Posture{one, two}
	for i, region := range []string{"us-central1", "europe-west1"} {
		part := &parts[i]
		part.Target.Location, part.Project, part.NoOrganization = region, whole.Project, whole.NoOrganization
		part.Service.URLs, part.Service.TagURLs = []string{"https://" + region + ".run.app"}, nil
		part.Backends = slices.Clone(part.Backends)
		for j := range part.Backends {
			members := slices.Clone(part.Backends[j].Members)
			members[0] = posture.Member{Target: part.Target, Invokers: part.Invokers}
			part.Backends[j].Members = members
		}
	}
	return whole.WithRegions(parts), w
}

// afterInRegions is the posture of a multi-region service once a step was taken: settings
// that are written at global hold in every region.
func afterInRegions(p posture.Posture, s plan.Step) posture.Posture {
	regions := slices.Clone(p.Regions)
	for i, part := range regions {
		in := s
		if s.Resource == p.Target.Name() && s.Op() != opPublic {
			in.Resource = part.Target.Name()
		}
		regions[i] = after(part, in)
	}
	p.Regions = nil
	return after(p, s).WithRegions(regions)
}

// after is the posture once a step was taken.
func after(p posture.Posture, s plan.Step) posture.Posture {
	if len(p.Regions) > 0 {
		return afterInRegions(p, s)
	}
	p.Backends = slices.Clone(p.Backends)
	change := func(service string, change func(posture.Policy) posture.Policy) {
		if service == p.Target.Name() {
			p.Invokers = change(p.Invokers)
		}
		for i := range p.Backends {
			p.Backends[i].Members = slices.Clone(p.Backends[i].Members)
			for j, member := range p.Backends[i].Members {
				if member.Target.Name() == service {
					p.Backends[i].Members[j].Invokers = change(member.Invokers)
				}
			}
		}
	}
	switch c := s.Change.(type) {
	case plan.GrantInvoker:
		change(s.Resource, func(in posture.Policy) posture.Policy {
			return add(in, c.Role, []string{c.Member}, posture.Condition{})
		})
	case plan.RevokePublic:
		change(s.Resource, func(in posture.Policy) posture.Policy { return remove(in, c.Role, c.Members) })
	case plan.GrantAccess:
		under := posture.Condition(c.Condition)
		if p.Target.AccessResource(number) == s.Resource {
			p.DirectAccess = add(p.DirectAccess, c.Role, c.Members, under)
		}
		for i, backend := range p.Backends {
			if backend.AccessResource(number) == s.Resource {
				p.Backends[i].Access = add(backend.Access, c.Role, c.Members, under)
			}
		}
	case plan.RevokeAccess:
		if p.Target.AccessResource(number) == s.Resource {
			p.DirectAccess = remove(p.DirectAccess, c.Role, c.Members)
		}
		for i, backend := range p.Backends {
			if backend.AccessResource(number) == s.Resource {
				p.Backends[i].Access = remove(backend.Access, c.Role, c.Members)
			}
		}
	case plan.WithdrawAccess:
		for i, backend := range p.Backends {
			if backend.AccessResource(number) == s.Resource {
				p.Backends[i].Access = remove(backend.Access, c.Role, c.Members)
			}
		}
	case plan.EnableIAP:
		for i, backend := range p.Backends {
			if backend.Resource() == s.Resource {
				p.Backends[i].IAPOn = true
				if c.Client.ID != "" {
					p.Backends[i].OAuthClient = c.Client.ID
				}
			}
		}
	}
	if s.Resource != p.Target.Name() {
		return p // it is a setting of another one
	}
	switch c := s.Change.(type) {
	case plan.EnableDirectIAP:
		p.Service.IAPOn = true
	case plan.RestrictIngress:
		p.Service.Ingress = c.To
	case plan.RequireInvoker:
		p.Service.InvokerCheckOff = false
	}
	return p
}

func add(in posture.Policy, role string, members []string, under posture.Condition) posture.Policy {
	in.Bindings = append(slices.Clone(in.Bindings),
		posture.Binding{Role: role, Members: members, Condition: under.Expression})
	return in
}

// while is the condition of some wants. It is true here.
var while = posture.Condition{Title: "while it is true", Expression: "e"}

func remove(in posture.Policy, role string, members []string) posture.Policy {
	in.Bindings = slices.Clone(in.Bindings)
	for i, binding := range in.Bindings {
		if binding.Role == role {
			in.Bindings[i].Members = slices.DeleteFunc(slices.Clone(binding.Members),
				func(m string) bool { return slices.Contains(members, m) })
		}
	}
	return in
}

// rank orders guards by how many they let in.
var rank = map[door.Guard]int{door.GuardClosed: 0, door.GuardIngress: 1, door.GuardIAP: 2, door.GuardIAM: 2,
	door.GuardSignedIn: 3, door.GuardUnknown: 3, door.GuardOpen: 4}

// enters says whether alice, an accessor, gets through the load balancer: IAP
// lets her in and the agent may invoke, or nobody asks at all.
func enters(p posture.Posture, backend posture.Backend) bool {
	public := p.Service.InvokerCheckOff
	for _, binding := range slices.Concat(p.Invokers.Bindings, p.AtGlobal.Bindings, p.Project.Bindings) {
		invoking := binding.Role == posture.RoleInvoker || binding.Role == "roles/run.admin"
		public = public || invoking && slices.Contains(binding.Members, "allUsers")
	}
	own := backend.Access
	if p.Service.IAPOn {
		own = p.DirectAccess
	}
	if backend.IAPOn != p.Service.IAPOn {
		passes := own.HoldsIf(posture.RoleAccessor, alice, while) || p.Project.HoldsIf(posture.RoleAccessor, alice, while)
		return passes && (public || p.Invokers.Holds(posture.RoleInvoker, agent) || door.InheritsInvoker(p))
	}
	return public && !backend.IAPOn // both at once let nobody in
}

// entersEverywhere says whether alice gets through the load balancer, in every region where
// it may send her.
func entersEverywhere(p posture.Posture, backend posture.Backend) bool {
	return !slices.ContainsFunc(p.Parts(), func(part posture.Posture) bool {
		i := slices.IndexFunc(part.Backends, func(b posture.Backend) bool { return b.Resource() == backend.Resource() })
		return i >= 0 && !enters(part, part.Backends[i])
	})
}

func TestPlansOfAnyPostureAreSafeAtEveryPrefixAndThenEmpty(t *testing.T) {
	for name, tc := range map[string]anyPosture{
		"in one region": {generated, 10000, 2}, "in two regions": {generatedRegions, 2500, 4},
	} {
		t.Run(name, tc.plansAreSafe)
	}
}

// anyPosture is how postures are generated, how many, and that at least one of so many
// leads to a plan.
type anyPosture struct {
	generate      func(uint64) (posture.Posture, policy.Wanted)
	postures, one uint64
}

func (a anyPosture) plansAreSafe(t *testing.T) {
	planned := uint64(0)
	for seed := range a.postures {
		p, w := a.generate(seed)
		whole := made(p, w)
		if err := whole.Check(p); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		planned += uint64(min(1, len(whole.Steps)))
		for i, step := range whole.Steps {
			next := after(p, step)
			for d, way := range door.Of(next) {
				if step.Op() == opGrant && strings.HasPrefix(way.Why, "IAP lets") {
					t.Fatalf("seed %d: step %d lets the agent in at %s, which is %s", seed, i+1, way.Address, way.Guard)
				}
				// An unread forwarding rule may ask an IAP whose accessors are not known, and only
				// the agent's grant lets them in.
				doubted := step.Op() == opGrant && way.Guard == door.GuardUnknown
				if before := door.Of(p)[d]; rank[way.Guard] > rank[before.Guard] && !doubted {
					t.Fatalf("seed %d: step %d (%s) opens %s from %s to %s", seed, i+1, step.Op(), way.Address,
						before.Guard, way.Guard)
				}
			}
			for b, backend := range next.Backends {
				if had := p.Backends[b].OAuthClient; backend.OAuthClient != had && had != "" {
					t.Fatalf("seed %d: step %d (%s) takes the OAuth client of %s away", seed, i+1, step.Op(), backend.Name)
				}
				if backend.IAPOn && !p.Backends[b].IAPOn && backend.OAuthClient == "" &&
					(p.NoOrganization || w.OAuthClient.ID != "") {
					t.Fatalf("seed %d: step %d (%s) turns IAP on at %s without a client", seed, i+1, step.Op(), backend.Name)
				}
				named := slices.Contains(w.Access, alice) && len(backend.Frontends) > 0
				if named && entersEverywhere(p, p.Backends[b]) && !entersEverywhere(next, backend) {
					t.Fatalf("seed %d: step %d (%s) shuts alice out of %s", seed, i+1, step.Op(), backend.Name)
				}
			}
			if w.KeepIngress && next.Service.Ingress != p.Service.Ingress ||
				w.KeepInvokers && (step.Op() == opPublic || step.Op() == opCheck) {
				t.Fatalf("seed %d: step %d (%s) changes what the policy keeps", seed, i+1, step.Op())
			}
			p = next
		}
		if again := made(p, w); len(again.Steps) > 0 {
			t.Fatalf("seed %d: after its plan %v the plan is not empty: %v", seed, ops(whole.Steps), ops(again.Steps))
		}
	}
	if planned < a.postures/a.one {
		t.Errorf("only %d of %d generated postures led to a plan: the generator proves little", planned, a.postures)
	}
}
