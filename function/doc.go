// Package function is the deployed unit: HTTP in, status out. It wires the event
// reader, the cloud, the work queue and the loop together, and turns how a message
// ended into its acknowledgement.
//
// It is registered with functions.HTTP: functions.CloudEvent answers malformed input
// with a status that Pub/Sub retries for a day, and strands requests under load.
package function
