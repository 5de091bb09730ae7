package policy

import (
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// Read reads and checks a policy file; see Parse. Its problems begin with the file's name.
func Read(name string, now time.Time) (Policy, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	policy, err := Parse(text, now)
	if err != nil {
		return Policy{}, strictyaml.In(name, err)
	}
	return policy, nil
}

// Parse reads and checks a policy; now bounds how far ahead an exemption may end.
// Its error has one line for each problem, with the place and what to write.
func Parse(text []byte, now time.Time) (Policy, error) {
	r := &reader{now: now}
	body, err := r.document(text)
	if err != nil {
		return Policy{}, err
	}
	if body == nil {
		return Policy{}, strictyaml.InText(text, 0, "the policy is empty: write version: 1 and rules")
	}
	policy := Policy{digest: digest(text), text: string(text), exemptions: exemptions{}, doors: doorExemptions{}}
	longest, exempted := longestExemption, []*yaml.Node(nil)
	var places []*yaml.Node
	var approvers []string // of the rules that name none
	r.mapping(body, "the policy", keys{
		"version":      r.one,
		"maxExemption": r.days("maxExemption", &longest),
		"holds":        r.holds(&policy.longestHold),
		"approvers":    r.approvers(&approvers),
		"exemptions":   r.list("exemptions", func(n *yaml.Node) { exempted = append(exempted, n) }),
		"rules": r.list("rules", func(n *yaml.Node) {
			policy.rules, places = append(policy.rules, r.rule(n, policy.rules)), append(places, n)
		}),
	}, "version", "rules")
	for i := range policy.rules {
		if settings := &policy.rules[i].settings; settings.Approvers == nil {
			settings.Approvers = approvers
		}
	}
	for i, n := range places {
		r.choiceLoosensNothing(n, policy.rules[i], policy.rules[i+1:])
	}
	for _, n := range exempted {
		r.exemption(n, now.Add(longest+24*time.Hour), policy.exemptions, policy.doors)
	}
	return policy, r.refusal(body)
}

// rule reads one rule; earlier are those before it.
func (r *reader) rule(n *yaml.Node, earlier []rule) rule {
	settings := DefaultSettings()
	settings.Private = ""
	read := rule{line: n.Line, column: n.Column}
	var invokers, ingress string
	r.mapping(n, "a rule", keys{
		"name": r.text("name", &read.name),
		"match": func(n *yaml.Node) {
			r.mapping(n, "match", keys{
				"projects":  r.patterns("match.projects", &read.match.projects),
				"locations": r.patterns("match.locations", &read.match.locations),
				"services":  r.patterns("match.services", &read.match.services),
				"folders":   r.folders(&read.match.folders),
				"labels":    r.labels(&read.match.labels),
			})
		},
		"mode":   choice(r, "mode", &settings.Mode, ReportOnly, Approve, Enforce),
		"recipe": choice(r, "recipe", &settings.Recipe, RecipeAuto, RecipeLoadBalancer, RecipeDirect, RecipeOff),
		"withoutLoadBalancer": choice(r, "withoutLoadBalancer", &settings.WithoutLoadBalancer,
			WithoutWait, WithoutClose, WithoutDirect),
		"private":        choice(r, "private", &settings.Private, PrivateLeave, PrivateBehindIAP, PrivateInclude),
		"access":         func(n *yaml.Node) { r.access(n, &settings) },
		"approvers":      r.approvers(&settings.Approvers),
		"accept":         r.list("accept", func(n *yaml.Node) { r.accept(n, &settings) }),
		"publicInvokers": choice(r, "publicInvokers", &invokers, "remove", "keep"),
		"ingress":        choice(r, "ingress", &ingress, "restrict", "keep"),
		"oauthClient":    func(n *yaml.Node) { r.oauthClient(n, &settings.OAuthClient) },
		"since":          r.date("since", &settings.Since),
		"existing":       r.truth("existing", &settings.Existing),
		"redeploy":       choice(r, "redeploy", &settings.Redeploy, RedeployEnforce, RedeployAdvise, RedeployOff),
		"callers":        choice(r, "callers", &settings.Callers, BreakStop, BreakStopOnRequests, BreakProceed),
		"redeployImage":  choice(r, "redeployImage", &settings.RedeployImage, ImagePin, ImageGoOn, ImageRefuse),
		"enableApi":      r.truth("enableApi", &settings.EnableAPI),
		"probe":          choice(r, "probe", &settings.Probe, ProbeOn, ProbeOff),
		"breakGlass":     r.breakGlass(&settings.BreakGlass),
		"whenStuck":      func(n *yaml.Node) { r.whenStuck(n, &settings.WhenStuck) },
		"settle":         r.duration("settle", maxSettle, &settings.Settle),
		"quiet":          r.duration("quiet", maxSettle, &settings.Quiet),
		"propagation":    r.duration("propagation", maxPropagation, &settings.Propagation),
		"limits": func(n *yaml.Node) {
			r.mapping(n, "limits", keys{
				"perProject": r.number("limits.perProject", mostServices, &settings.Limits.PerProject),
				"overall":    r.number("limits.overall", mostServices, &settings.Limits.Overall),
			})
		},
	}, "name")
	settings.Rule, settings.KeepInvokers, settings.KeepIngress = read.name, invokers == "keep", ingress == "keep"
	if settings.Existing && settings.Since.IsZero() {
		r.complain(n, "existing: true has no effect without since: write since, or take existing out")
	}
	if settings.OAuthClient.ID != "" && (settings.Recipe == RecipeDirect ||
		settings.WithoutLoadBalancer == WithoutDirect) {
		r.complain(n,
			"oauthClient is set at the load balancer, and IAP at the service itself takes it from IAP's settings: "+
				"take it out, and set the client there (iap/docs/custom-oauth-configuration)")
	}
	read.settings = settings
	r.agree(n, read, earlier)
	return read
}

// agree refuses a rule whose name is taken or that an earlier rule makes void.
func (r *reader) agree(n *yaml.Node, read rule, earlier []rule) {
	for _, other := range earlier {
		switch {
		case read.name != "" && other.name == read.name:
			r.complain(n, "another rule is named %q: write another name", read.name)
			return
		case other.match.includes(read.match):
			r.complain(n,
				"rule %q never decides, since rule %q before it matches everything that it matches: "+
					"move it up, or take one of them out", read.name, other.name)
			return
		}
	}
}

// choiceLoosensNothing refuses a rule that selects by what deployers choose, and is not as
// strict as a later rule that decides without it.
func (r *reader) choiceLoosensNothing(n *yaml.Node, read rule, later []rule) {
	part, selector := read.match.chosen()
	if selector == "" {
		return
	}
	for _, base := range unlabelled(later) {
		where := LessStrict(read.settings, base.settings)
		if base.settings.Recipe != RecipeOff && len(where) > 0 && part.meets(base.match) {
			r.complain(n,
				"rule %q selects by %s, and is not as strict as rule %q in %s: anyone who deploys chooses that; "+
					"make it as strict, or select by folder, project, location or the full names of services",
				read.name, selector, base.name, strings.Join(where, ", "))
			return
		}
		if base.match.includesWithoutLabels(part) {
			return
		}
	}
}

// access reads the members who get access through IAP, and under which condition.
func (r *reader) access(n *yaml.Node, settings *Settings) {
	var members []*yaml.Node
	var domains []string
	var conditional, trusted *yaml.Node
	var publicAccessors string
	r.mapping(n, "access", keys{
		"members": r.list("access.members", func(n *yaml.Node) { members = append(members, n) }),
		"domains": r.list("access.domains", func(n *yaml.Node) {
			var domain string
			r.text("a domain", &domain)(n)
			if domain != "" && !domainText.MatchString(domain) {
				r.complain(n, "access.domains: %.80q is not a domain: write one like example.com, in lower case", domain)
			}
			domains = append(domains, domain)
		}),
		"condition": func(n *yaml.Node) { conditional = n; r.condition(n, &settings.AccessCondition) },
		"trusted": r.list("access.trusted", func(n *yaml.Node) {
			var member string
			if r.text("a member", &member)(n); trustProblem(member) != "" {
				r.complain(n, "access.trusted: %s", trustProblem(member))
			}
			settings.Trust.Members = append(settings.Trust.Members, member)
			trusted = n
		}),
		"publicAccessors": choice(r, "access.publicAccessors", &publicAccessors, "remove", "report"),
		"none":            choice(r, "access.none", &settings.NoneFor, NoneWait, NoneEnable),
	})
	settings.Trust.Domains, settings.KeepAccessors = domains, publicAccessors == "report"
	if trusted != nil && len(domains) == 0 {
		r.complain(trusted, "access.trusted has no effect without access.domains, which says who belongs to you: "+
			"list your domains, or take trusted out")
	}
	if conditional != nil && len(members) == 0 {
		r.complain(conditional,
			"access.condition has no effect without access.members: name members, or take the condition out")
	}
	for _, n := range members {
		var member string
		r.text("a member", &member)(n)
		if member == "" {
			continue
		}
		if problem := memberProblem(member, domains); problem != "" {
			r.complain(n, "access.members: %s", problem)
		}
		settings.Access = append(settings.Access, posture.NormalMember(member))
	}
}
