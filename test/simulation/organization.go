package simulation

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	hour  = 3600.0
	hours = 365 * 24
	end   = hours * hour
)

// organization is what happens to the services, whatever guards them: every way of guarding
// gets the same year.
type organization struct {
	project  []int32   // of each service
	clusters []cluster // groups of services that are deployed equally often
	outages  []span
	waves    []deploy
	seed     uint64
	world    world
}

// cluster is a range of services, with how often each is deployed in a year.
type cluster struct {
	first, services int32
	deploys         float64
}

type span struct{ from, to float64 }

// deploy is one deploy, with what it changes of the protection.
type deploy struct {
	at      float64
	service int32
	drift   drift
	fresh   bool // it made the service anew
	lost    bool // its event never arrives
	wave    bool // it is one of many in its project
}

// The streams of random numbers, apart so that one does not shift the other.
const (
	streamOrganization = iota + 1
	streamDeploys
	streamGuard
)

func newOrganization(w world, seed uint64) *organization {
	random := rand.New(rand.NewPCG(seed, streamOrganization))
	o := &organization{seed: seed, world: w}
	services := int32(w.of("services"))
	o.project = make([]int32, 0, services)
	sigma := w.of("spread of projects")
	mu := math.Log(w.of("services a project")) - sigma*sigma/2
	for project := int32(0); len(o.project) < int(services); project++ {
		size := int(min(w.of("most in a project"), max(1, math.Exp(mu+sigma*random.NormFloat64()))))
		for range min(size, int(services)-len(o.project)) {
			o.project = append(o.project, project)
		}
	}
	shares := w.of("elite") + w.of("high") + w.of("medium") + w.of("low")
	first := int32(0)
	for _, name := range []string{"elite", "high", "medium", "low"} {
		n := int32(math.Round(float64(services) * w.of(name) / shares))
		if name == "low" {
			n = services - first
		}
		o.clusters = append(o.clusters, cluster{first, n, w.of(name + " deploys")})
		first += n
	}
	// Every project has services of all clusters.
	random.Shuffle(len(o.project), func(i, j int) { o.project[i], o.project[j] = o.project[j], o.project[i] })
	for at := 0.0; ; {
		at += random.ExpFloat64() * w.of("outage") / w.of("down")
		if at >= end {
			break
		}
		long := random.ExpFloat64() * w.of("outage")
		o.outages = append(o.outages, span{at, at + long})
		at += long
	}
	o.makeWaves(random)
	return o
}

// projects is how many projects there are.
func (o *organization) projects() int { return int(slices.Max(o.project)) + 1 }

// readers is how many times an instance looks at services of a project in one sweep: at most each of
// so many instances does in each project.
func (o *organization) readers(instances float64) (n float64) {
	services := make([]float64, o.projects())
	for _, project := range o.project {
		services[project]++
	}
	for _, each := range services {
		n += min(each, instances)
	}
	return n
}

func (o *organization) makeWaves(random *rand.Rand) {
	for range int(math.Round(o.world.of("waves"))) {
		project, at := o.project[random.IntN(len(o.project))], random.Float64()*end
		for service, of := range o.project {
			if of == project {
				o.waves = append(o.waves, deploy{at: at + random.Float64()*600, service: int32(service),
					drift: publicInvokers | openIngress, wave: true})
			}
		}
	}
	slices.SortFunc(o.waves, func(a, b deploy) int { return cmp.Compare(a.at, b.at) })
}

// weight is which share of a week's deploys come in an hour of the year, as a factor of the mean.
func (o *organization) weight(h int) float64 {
	const atWork, week = 5 * 10.0, 7 * 24.0
	share := o.world.of("working hours")
	if day, hourOfDay := h/24%7, h%24; day < 5 && hourOfDay >= 8 && hourOfDay < 18 {
		return share * week / atWork
	}
	return (1 - share) * week / (week - atWork)
}

// deploys yields the deploys of the year in their order.
func (o *organization) deploys(yield func(deploy) bool) {
	random := rand.New(rand.NewPCG(o.seed, streamDeploys))
	waves, batch := o.waves, []deploy{}
	for h := range hours {
		batch = batch[:0]
		for _, c := range o.clusters {
			for range poisson(random, c.deploys*float64(c.services)*o.weight(h)/hours) {
				one := deploy{at: (float64(h) + random.Float64()) * hour, service: c.first + random.Int32N(c.services)}
				o.change(&one, random)
				batch = append(batch, one)
			}
		}
		for len(waves) > 0 && waves[0].at < float64(h+1)*hour {
			batch, waves = append(batch, waves[0]), waves[1:]
		}
		slices.SortFunc(batch, func(a, b deploy) int { return cmp.Compare(a.at, b.at) })
		for _, one := range batch {
			if !yield(one) {
				return
			}
		}
	}
}

// change says what a deploy changes.
func (o *organization) change(d *deploy, random *rand.Rand) {
	d.lost = random.Float64() < o.world.of("lost")
	at := random.Float64()
	for _, each := range []struct {
		name  string
		drift drift
	}{
		{"opens run.app", publicInvokers | openIngress}, {"opens load balancer", publicInvokers | iapOff},
		{"opens all", publicInvokers | openIngress | iapOff}, {"loses agent", agentLost}, {"new services", everything},
		{"drifts", 0},
	} {
		if at -= o.world.of(each.name); at < 0 {
			d.drift, d.fresh = each.drift, each.drift == everything
			if each.name == "drifts" {
				d.drift = []drift{publicInvokers, openIngress, iapOff}[random.IntN(3)]
			}
			return
		}
	}
}

// poisson draws a number of events with this mean.
func poisson(random *rand.Rand, mean float64) int {
	if mean > 50 { // the normal distribution is near enough
		return max(0, int(math.Round(mean+math.Sqrt(mean)*random.NormFloat64())))
	}
	n, left := 0, math.Exp(-mean)
	for p := random.Float64(); p > left; p *= random.Float64() {
		n++
	}
	return n
}

// delay is a draw of a log-normal distribution with this median and another quantile, that of
// the standard score.
type delay struct{ mu, sigma float64 }

const (
	score95 = 1.6449
	score99 = 2.3263
)

func newDelay(median, quantile, score float64) delay {
	return delay{math.Log(median), max(0, math.Log(quantile/median)) / score}
}

func (d delay) draw(random *rand.Rand) float64 { return math.Exp(d.mu + d.sigma*random.NormFloat64()) }

func sortedKeys[V any](m map[int32]V) []int32 { return slices.Sorted(maps.Keys(m)) }
