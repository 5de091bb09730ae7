package games

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/games/play"
)

// TestFoundGamesKeepThePromises plays games that random play found, each against a commit
// that lost it, and games that few estates lead to.
func TestFoundGamesKeepThePromises(t *testing.T) {
	for _, each := range []struct {
		name string
		game play.Game
	}{
		{"IAP goes on while a removed accessor still passes", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Mine: true}}, Private: "include", Delay: 2 * time.Minute,
			Instances: 1, Rights: []kind.Right{kind.IAPAdmin}, Moves: []play.Move{
				{Pause: 26 * time.Second, Kind: kind.LetIn, Service: "app0", Who: "allAuthenticatedUsers"},
				on("app0", 121*time.Second, kind.Unpublish), on("app0", 4*time.Minute, kind.Wait),
			}}},
		{"IAP goes on while the public is still to be removed", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Mine: true}}, Private: "include",
			Instances: 1, Moves: []play.Move{
				{Pause: 137 * time.Second, Kind: kind.LetIn, Service: "app0", Who: "allAuthenticatedUsers"},
			}}},
		{"a private service is included whose IAP lets in somebody else", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Invoker: true, Accessor: play.Bob}}, Private: "include",
			Instances: 1, Moves: []play.Move{on("app0", 6*time.Minute, kind.Wait)}}},
		{"a private service is included whose invoker uses its addresses", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Invoker: true, Used: true}}, Private: "include",
			Instances: 1, Moves: []play.Move{on("app0", 14*time.Minute, kind.Wait)}}},
		{"… and whose load balancer gets IAP by somebody else", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Invoker: true, Used: true, Mine: true}}, Private: "include",
			Instances: 1, Rights: []kind.Right{kind.Balancer}, Moves: []play.Move{on("app0", time.Second, kind.IAPOn)}}},
		{"what was published and closed loses its record", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Invoker: true, Used: true, Mine: true,
				Accessor: "allAuthenticatedUsers"}}, Private: "include", Instances: 1,
			Rights: []kind.Right{kind.Deployer, kind.IAPAdmin, kind.Rewriter}, Moves: []play.Move{
				{Kind: kind.KeepOut, Service: "app0", Who: "allAuthenticatedUsers"},
				on("app0", 25*time.Second, kind.Publish), on("app0", 35*time.Second, kind.CheckOff),
				{Pause: 25 * time.Second, When: play.AfterWrite, Kind: kind.DropAgent, Service: "app0"},
				on("app0", 2*time.Second, kind.LoseMemory), on("app0", 12*time.Second, kind.ForgeGuarded),
				on("app0", 12*time.Minute, kind.Wait),
			}}},
		{"what was just put behind IAP is published", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Mine: true}}, Private: "behind-iap", Delay: 10 * time.Second,
			Instances: 1, Rights: []kind.Right{kind.Balancer, kind.IAPAdmin, kind.Deployer}, Moves: []play.Move{
				on("app0", 5*time.Minute, kind.IAPOn), on("app0", 20*time.Second, kind.Publish),
				on("app0", 5*time.Minute, kind.Wait)}}},
		{"somebody lends private services to a backend service", game(
			[]play.Service{guarded("app0"), {Name: "app1", Invoker: true}},
			on("app0", time.Minute, sidePrivate), on("app0", 6*time.Minute, kind.Wait))},
		{"what was private is published, and opened further", game(
			[]play.Service{{Name: "app0", Balanced: true, Mine: true}},
			on("app0", 146*time.Second, kind.Publish), on("app0", 25*time.Second, kind.OpenIngress))},
		{"what we closed looks private in a log that was read before", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Mine: true}}, Instances: 1,
			Rights: []kind.Right{kind.Deployer, kind.Rewriter}, Moves: []play.Move{
				on("app0", 19*time.Second, kind.CheckOff),
				{Pause: time.Second, When: play.BeforeWrite, Kind: kind.GarbageRecord, Service: "app0"},
			}}},
		{"records are deleted again and again while grants propagate", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true}, {Name: "app1", Public: true, Balanced: true}}, Instances: 1,
			Rights: []kind.Right{kind.IAPAdmin, kind.Rewriter}, Moves: []play.Move{
				on("app0", 47200*time.Millisecond, kind.LoseMemory),
				{Pause: 200 * time.Millisecond, When: play.AfterWrite, Kind: kind.KeepOut, Service: "app1", Who: "allUsers"},
				on("app0", 40*time.Second, kind.LoseMemory),
			}}},
		{"the record of a service behind IAP is deleted, and begun anew", play.Game{
			Services: []play.Service{{Name: "app1", Public: true, Balanced: true, Accessor: play.Bob, Ingress: "internal"}},
			Private:  "behind-iap", Instances: 1, Rights: []kind.Right{kind.Rewriter},
			Moves: []play.Move{on("app1", 11*time.Minute, kind.LoseMemory)}}},
		{"two writes of one moment, before we took the public", game(
			[]play.Service{{Name: "app0", Balanced: true, Mine: true}},
			on("app0", 16*time.Minute, kind.Publish), on("app0", 0, kind.DropAgent))},
		{"a hold is placed while slow writes go on", play.Game{Services: []play.Service{app("app0")}, Instances: 1, Consent: true,
			Approve: true, Slow: 25 * time.Second, Moves: []play.Move{on("app0", 2*time.Minute, consent.Approve),
				{When: play.AfterWrite, Kind: consent.Hold, Service: "app0"}}}},
		{"who opened a service approves its plan", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Invoker: true}}, Instances: 1, Consent: true, Approve: true,
			Moves: []play.Move{on("app0", time.Minute, consent.ApproverOpen), on("app0", time.Minute, consent.ApproveOwn)}}},
		{"who opened a service approves a later plan of that", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Mine: true}}, Instances: 1, Consent: true, Approve: true,
			Moves: []play.Move{on("app0", 70*time.Second, consent.ApproverOpen), on("app0", 672*time.Second, consent.Approve),
				on("app0", time.Second, consent.ApproveOwn), on("app0", 5*time.Minute, kind.Wait)}}},
		{"a URL mask that nothing reaches spreads a hold", play.Game{
			Services: []play.Service{guarded("app0"), app("app1")}, Instances: 1, Consent: true, Moves: []play.Move{
				on("app0", 8*time.Minute, kind.SideMask), on("app1", time.Second, consent.Hold),
				on("app0", time.Minute, kind.IAPOff), on("app0", 0, kind.OpenIngress), on("app0", 0, kind.Publish)}}},
		{"a load balancer is put before a service whose plan was approved", play.Game{
			Services: []play.Service{app("app0")}, Instances: 1, Consent: true, Approve: true, Moves: []play.Move{
				on("app0", 2*time.Minute, consent.Approve), on("app0", 30*time.Second, kind.SideBalance),
				on("app0", 6*time.Minute, kind.Wait)}}},
		{"a service and its policy change when the plan was just approved", play.Game{
			Services: []play.Service{app("app0")}, Instances: 1, Consent: true, Approve: true, Moves: []play.Move{
				on("app0", 2*time.Minute, consent.Approve), {Kind: kind.AddInvoker, Service: "app0", Who: play.Carol},
				on("app0", 0, kind.Touch), on("app0", 6*time.Minute, kind.Wait)}}},
		{"an operator undoes runs that never were", play.Game{
			Services: []play.Service{guarded("app0"), app("app1")}, Instances: 1, Consent: true,
			Moves: []play.Move{on("app0", time.Minute, consent.ForgeRun), on("app1", 4*time.Minute, consent.ForgeRun)}}},
		{"a hold is lifted where the service's record is garbage", play.Game{
			Services: []play.Service{guarded("app0")}, Instances: 1, Consent: true, Rights: []kind.Right{kind.IAPAdmin, kind.Rewriter},
			Moves: []play.Move{on("app0", time.Minute, kind.GarbageRecord), on("app0", time.Second, consent.Hold),
				{Pause: 155 * time.Second, Kind: kind.LetIn, Service: "app0", Who: "allUsers"},
				on("app0", time.Second, consent.Hold), on("app0", time.Second, consent.Resume),
				on("app0", 12*time.Minute, kind.Wait)}}},
		{"a hold stands just when a stuck service is to be closed", play.Game{
			Services: []play.Service{{Name: "app0", Absent: true, Mine: true}}, Instances: 1, Consent: true, Stuck: true,
			Moves: []play.Move{on("app0", 25*time.Second, kind.Create), on("app0", 18*time.Minute+40*time.Second, consent.Hold),
				on("app0", 18*time.Minute, kind.Wait)}}},
		{"the records of a stuck service are rolled back and deleted", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Public: true, Invoker: true}}, Instances: 2, Stuck: true, Delay: 2 * time.Minute,
			Rights: []kind.Right{kind.LogWriter, kind.Publisher, kind.Rewriter}, Moves: []play.Move{
				on("app0", 200*time.Millisecond, kind.ForgeGuarded), on("app0", 12*time.Second, kind.ForgeEvent),
				on("app0", 5*time.Second, kind.ForgeCommand), on("app0", 5*time.Minute, kind.RollBack),
				on("app0", 5*time.Second, kind.RollBack), on("app0", 200*time.Millisecond, kind.ForgeTraffic),
				on("app0", time.Second, kind.LoseMemory), on("app0", 35*time.Second, kind.ForgeCommand)}}},
		{"the record of when a hold ends is deleted", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true}, app("app1")}, Instances: 1, Consent: true, Stuck: true,
			Rights: []kind.Right{kind.IAPAdmin, kind.Rewriter}, Moves: []play.Move{
				on("app1", 12*time.Minute+27*time.Second, consent.Hold), on("app1", time.Second, kind.NobodyGetsIn),
				on("app0", 35*time.Second, kind.LoseMemory)}}},
		{"a policy is written anew when IAP's agent was just made", play.Game{
			Services: []play.Service{guarded("app0")}, Instances: 1, Consent: true, Approve: true, Moves: []play.Move{
				{Pause: time.Second, Kind: kind.Overwrite, Service: "app0", Who: "allUsers"},
				on("app0", time.Second, consent.Approve),
				{When: play.AfterWrite, Kind: kind.Overwrite, Service: "app0", Who: "allUsers"}}}},
		{"the records of a stuck service are deleted before it is closed", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Public: true}}, Instances: 1, Stuck: true,
			Rights: []kind.Right{kind.IAPAdmin, kind.Publisher, kind.Rewriter},
			Moves:  []play.Move{on("app0", 13*time.Minute, kind.LoseMemory)}}},
		{"an operator undoes a run that changed no revision", play.Game{
			Services:  []play.Service{{Name: "app1", Public: true, Balanced: true, Ingress: "internal-and-cloud-load-balancing"}},
			Instances: 1, Consent: true, Stuck: true, Moves: []play.Move{on("app1", 18*time.Minute, consent.Undo)}}},
		{"one of two open doors of a stuck service is closed", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Public: true}}, Instances: 1, Consent: true, Stuck: true,
			Rights: []kind.Right{kind.Balancer}, Moves: []play.Move{
				on("app0", 11*time.Minute+35*time.Second, consent.HoldAll), on("app0", time.Second, kind.Balance),
				{Pause: time.Second, When: play.AfterWrite, Kind: kind.SidePlain, Service: "app0"},
				{Pause: 411 * time.Second, When: play.BeforeWrite, Kind: kind.Reroute, Service: "app0"}}}},
		{"an IAP admin lets somebody in at a private service behind IAP", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Balanced: true}}, Private: "behind-iap", Instances: 1,
			Rights: []kind.Right{kind.Balancer, kind.IAPAdmin}, Moves: []play.Move{on("app0", time.Second, kind.IAPOn),
				{Pause: 10 * time.Second, Kind: kind.LetIn, Service: "app0", Who: play.Bob}, on("app0", time.Minute, kind.Wait)}}},
		{"a load balancer leads elsewhere, and gets its frontend anew", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Public: true, Balanced: true}}, Instances: 1, Consent: true,
			Rights: []kind.Right{kind.Balancer}, Moves: []play.Move{on("app0", time.Second, kind.Reroute),
				on("app0", time.Second, kind.DeleteFrontend), on("app0", time.Second, kind.Balance),
				on("app0", time.Second, consent.Undo)}}},
		{"a hold is lifted, and another instance does not know that yet", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Public: true, Balanced: true}}, Instances: 2, Consent: true,
			Stuck: true, Rights: []kind.Right{kind.Deployer, consent.KeyHolder}, Moves: []play.Move{
				on("app0", time.Second, consent.Hold),
				{Pause: time.Second, When: play.AfterWrite, Kind: consent.Undo, Service: "app0"},
				on("app0", time.Second, consent.Resume)}}},
		{"forged runs say that a private service was closed before", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Balanced: true, Invoker: true, Used: true}}, Private: "include",
			Instances: 1, Consent: true, Rights: []kind.Right{kind.IAPAdmin, consent.Forger},
			Moves: []play.Move{on("app0", time.Second, consent.ForgeRun)}}},
		{"what is stuck gets a second load balancer during a hold that outlasts whenStuck", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Public: true}}, Stuck: true, Instances: 1, Consent: true,
			Rights: []kind.Right{kind.Balancer, consent.Thief, consent.KeyHolder}, Moves: []play.Move{
				on("app0", 21*time.Minute+11200*time.Millisecond, consent.Hold), on("app0", time.Second, kind.SideBalance)}}},
		{"records of the limits are deleted, and a look notes that of one at a time", play.Game{
			Services:  []play.Service{{Name: "app0", Mine: true, Public: true}, {Name: "app1", Public: true, Balanced: true}},
			Instances: 1, Consent: true, Delay: 2 * time.Minute,
			Rights: []kind.Right{kind.Balancer, kind.Rewriter, consent.KeyHolder, kind.Publisher}, Moves: []play.Move{
				on("app0", 1200*time.Millisecond, kind.LoseMemory), on("app1", 5*time.Minute+32200*time.Millisecond, kind.LoseMemory),
				on("app0", 92*time.Second, kind.SideBalance)}}},
		{"an operator undoes a run by slow writes", play.Game{Services: []play.Service{{Name: "app0", Mine: true, Public: true,
			Balanced: true}}, Instances: 1, Consent: true, Slow: 25 * time.Second,
			Moves: []play.Move{on("app0", 11*time.Minute, consent.Undo)}}},
		{"everybody gets access to a private service behind IAP, whose invoker calls it", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Invoker: true, Used: true}}, Private: "include", Instances: 1,
			Rights: []kind.Right{kind.Balancer, kind.IAPAdmin}, Moves: []play.Move{on("app0", 0, kind.Balance),
				{Pause: 780200 * time.Millisecond, Kind: kind.LetIn, Service: "app0", Who: "allAuthenticatedUsers"}}}},
		{"who is not named gets access to a private service, after its ingress was restricted", play.Game{
			Services: []play.Service{{Name: "app0", Mine: true, Balanced: true}}, Private: "include", Instances: 1,
			Rights: []kind.Right{kind.IAPAdmin}, Moves: []play.Move{on("app0", 150*time.Second, kind.NobodyGetsIn),
				{Pause: 5 * time.Second, Kind: kind.LetIn, Service: "app0", Who: "user:bob@corp.example.com"}}}},
		{"a used token is replayed at another instance", play.Game{
			Services: []play.Service{app("app0")}, Instances: 2, Consent: true, Moves: []play.Move{
				on("app0", time.Minute, consent.Hold), on("app0", time.Second, consent.Replay),
				on("app0", time.Second, consent.Replay), on("app0", time.Second, consent.Replay)}}},
	} {
		t.Run(each.name, func(t *testing.T) {
			if end := outplay(t, each.game, nil); len(end.failing()) > 0 {
				t.Error(describe(each.game, end))
			}
		})
	}
}
