// Package scenarios plays stories: one file, one story, written in the words of
// those who run platforms, over HTTP against the local cloud with a function
// that is given every event. Those in doctor are about clients that get a
// 403, and why.
//
// Folders say what the stories are about: recipe (each case of it), ways-in,
// access, oauth-client, shared (several services behind one backend service),
// callers (who would be shut out), rules and rollout (what a policy selects and
// lets happen), meanwhile (others write, things take time), undone (somebody
// takes it back), writers (who writes below which folder), stops (holds, limits, circuit breaker),
// missing (permissions,
// APIs), probe, unfooled (somebody works against the protection), and doctor (a story for
// each verdict on a 403).
//
// A file is a txtar archive. What stands before the first part is the story;
// the part policy.yaml is the function's policy (without it: none), the part
// holds.yaml its holds (the same), the part memory.key the key of its records' MACs (the
// same), the part writers who writes below which folder,
// one a line as IAPGUARD_WRITERS has them, the part cloud may
// say project without organization, project beside ID..., or belief NAME... (see the local
// cloud's README.md), the part without names permissions that the function does not have, and the part story holds
// one command a line:
//
//	deploy SERVICE [in REGION] [of PROJECT]
//	                                 somebody deploys the service, public
//	balance SERVICE [in REGION] [of PROJECT] [regionally|internally] [as NAME] [from PROJECT]
//	                                 a whole HTTPS load balancer before it: SERVICE-backend, SERVICE.example.com;
//	                                 internally: a regional one inside the network; from a project: there is all
//	                                 of it but the backend service
//	backend NAME before SERVICE... [by tag TAG]
//	backend NAME by mask MASK        only a global backend service, with a serverless NEG for each
//	                                 service, or one for all
//	frontend https|http NAME [at HOST...]
//	                                 an address for that backend service: NAME.example.com
//	map DOMAIN to SERVICE [in REGION]
//	                                 Cloud Run itself leads the domain to the service
//	grant MEMBER ROLE                somebody gets a role on the project
//	revoke MEMBER ROLE               and has it no longer
//	folder NAME [in FOLDER]          a folder, of the organization or in another: folders/410000000001, the next …2
//	move to FOLDER                   the project is moved there
//	writer NAME of FOLDER|nothing    a service account that may write below the folder, and that the
//	                                 function may impersonate
//	                                 and no longer in its own
//	restart                          the function starts anew, with the memory that it had
//	restart with writers             the same, and the indented lines are its writers from now on
//	refuse METHOD...                 the function may not make these calls from now on; none: it may again
//	late DURATION                    load balancers and IAP take as long to follow what is written
//	lift                             no hold is in force any more
//	as WHO [with USER-AGENT]         who makes the following calls: owner, or a member as IAM writes it
//	call METHOD PATH                 a call of Google's API; the indented lines are its body
//	begin METHOD PATH                the same, and nobody waits for its end
//	read SERVICE                     a tool reads who may invoke the service,
//	allow SERVICE                    and writes it with allUsers added, at the version that it read
//	flood SERVICE N times            somebody changes it so often, each time with an audit log entry of 100 kB
//	policy                           the policy's file says from now on what the indented lines do
//	holds                            the same with the holds' file
//	forge SERVICE                    somebody writes the report forged.json: the last one on the service, with
//	                                 the steps of the indented lines, each as JSON
//	lose                             nothing of what happened until now is ever delivered
//	faults                           how the local cloud fails from now on: the indented lines as
//	                                 /_local/faults takes them; none: not at all
//	protect SERVICE                  deploy and balance, and the function does its work, which is not shown
//	hear changes|refusals|refused|nothing
//	                                 what sinks deliver from now on: audit log entries (at first),
//	                                 refused requests, the same on a topic of their own, or nothing
//	entry DURATION                   a log entry written by hand, dated so long ahead (or ago: -1s)
//	alert SERVICE                    Cloud Monitoring sends an alert about refused requests
//	doctor SERVICE                   somebody asks on the commands topic why it answers 403
//	deliver                          the function is given all events, in order, until it has none left that is due
//	advance DURATION                 time passes, what was sent back is delivered again, and what is due is done
//	pass DURATION                    the same, hour by hour
//	forget FIELD PATH                from now on the function reads what stands at PATH without that
//	                                 field: its writes are acknowledged, and do not show
//	remember                         that is over
//	sweep [PROJECT]                  somebody asks on the commands topic to look at every service of a project
//	apply SERVICE plan PLANID        somebody asks on the commands topic to carry out that plan; last: the last reported
//	approve policy                   an approver lets the version of the policy in that waits
//	approve SERVICE                  an operator approves, by a command, the plan that was last reported
//	send COMMAND [NAME=VALUE…]       an operator sends a command directly; the block has what the function says
//	approval SERVICE [as ACCOUNT]    as approve, by an operator or another account; the block has what the function says
//	named WHO...                     a plan names them, and a person lets them in from here on
//
// The others look at what came of it; their indented lines are what must be
// seen, and go test ./test/scenarios -update writes them anew:
//
//	reports SERVICE                  what was reported since the last look, repeated reports once
//	doors SERVICE                    every door in the last report on it, with who guards it
//	refused METHOD PATH BODY         how a call of Google's API is refused
//	writes                           what the function wrote since the last look; the account, where not its own
//	alerts                           the audit log entries since the last look that raise an alert about the guard
//	deliveries                       what the function was given of each subscription since the last look
//	costs                            whether the function's calls since the last look were few, else how many
//	look FIELD PATH                  one field of a resource, as Google's API gives it
//	callers SERVICE                  who was last reported to call the service, and what becomes of
//	                                 each; what could not be read
//	advice SERVICE                   what the last report advises
//	run JOB                          how a Cloud Scheduler job of us-central1 is answered when it runs
//	publish TOPIC                    how each push subscription of the topic is answered when there is a message
//	ask URL...                       who gets what at a door; SERVICE.run.app stands for the default URL
//	iapguard COMMAND...              what the command prints for the project's owner, and the exit status; the
//	                                 name of a service stands for its full name, files are the story's own
//	visit WHO DOOR[/PATH] [N times]  what one client gets that asks once, or more often
//	evidence SERVICE                 what the last diagnosis looked at; before reports, which forgets it
//
// {10 days} in a policy or in holds is the day that far ahead, and is shown so.
// What is another one every time, such as a time or a number, is shown as … there.
//
// Beside what a story says, one thing is checked in all of them: after every
// single write of the function, somebody asks at every door, and nobody gets
// in who did not get in before; nor is anybody that the policy names left
// without any door, who had one.
package scenarios
