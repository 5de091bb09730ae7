// Package function is the deployed unit: HTTP in, status out. It wires the
// reader of events, the cloud and the loop together once, and decides for
// each message whether it is acknowledged or delivered again. Nothing else.
//
// It is registered with functions.HTTP: functions.CloudEvent answers malformed
// input with a status that Pub/Sub retries for a day, and strands requests
// under load.
package function
