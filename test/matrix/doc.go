// Package matrix lets everything go wrong at every place where it can, and judges what
// comes of it: the deployed program runs in processes of its own against a local cloud,
// between the two stands what interferes, and a prober knocks at every door all the time.
//
// Each matrix is a command, small by default and whole with -full:
//
//	go test ./test/matrix -run Crash -full -timeout 0   (killed before and after every call and publish)
//	go test ./test/matrix -run Fault -full -timeout 0   (every call is answered wrongly, once and always)
//	go test ./test/matrix -run Hang -full -timeout 0    (every call, file and operation that never ends)
//	go test ./test/matrix -run Outage -full -timeout 0  (each dependency is down, denied, slow, unreachable, and back)
//	go test ./test/matrix -run Start -full -timeout 0   (each dependency and file is missing at the start)
//	go test ./test/matrix -run Race -full -timeout 0    (processes, people, tools, services made again)
//	go test ./test/matrix -run Soak -full -timeout 0    (kills and faults for minutes, then what instances use)
//	go test ./test/matrix -run Emulator -full -timeout 0 (Google's own Pub/Sub emulator delivers)
//	go test ./test/matrix -run Crash -full -cell 'global/.*setIamPolicy'   (some cells of it)
//
// # How a cell goes
//
// A scenario says what stands in the local cloud, what the policy wants, and which event
// sets the function to work. A world is one local cloud with that scenario in it. Calls
// of Google's APIs pass the world's gate and publishes its topics, where a hook sees each
// by its name and which one of that name it is: "POST /v2/…:setIamPolicy" for the second
// time, "publish protected". The first run of a scenario is undisturbed: it says which
// calls there are, and how everything ends. Each cell then disturbs one of them.
//
// # What is judged
//
// Nothing that the function says or does counts, only what is seen from outside:
//
//   - the end state is that of the undisturbed run, changes of other people included
//   - nobody gets in where the same visitor was kept out before
//   - who is named gets in by some door, all the time
//   - no write is made before a started report named its resource
//   - no report says that a service is not exposed while a stranger gets in (package
//     judge of test/oracle knocks while the report is received)
//   - an acknowledged message has a report, or a line in the log that gives a reason
//   - the run that was begun is closed as what it was, protected or redeployed, and its
//     steps are in a report
//   - another look at the end writes nothing
package matrix
