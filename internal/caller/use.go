package caller

import "strings"

// agents are what requests of configured callers call themselves in the request log; see
// googleAgents.
var agents = map[Kind][]string{
	PushSubscription: {"CloudPubSub-Google", "APIs-Google"},
	EventTrigger:     {"CloudPubSub-Google", "APIs-Google"},
	SchedulerJob:     {"Google-Cloud-Scheduler"},
}

// Agents are what requests of the caller call themselves in the request log; nil = anything.
func (c Caller) Agents() []string { return agents[c.Kind] }

// Calls is the address that the caller asks for, as the request log shows it: a host and the
// beginning of a path.
func (c Caller) Calls() string {
	_, address, _ := strings.Cut(c.Address, "://")
	if !strings.Contains(address, "/") {
		address += "/"
	}
	return address
}
