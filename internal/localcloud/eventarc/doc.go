// Package eventarc is the local cloud's Eventarc: triggers that send audit log
// entries, as CloudEvents, to Cloud Run services of the project.
//
// A trigger is what Google's is (eventarc/docs/reference/rest/v1): filters on
// type, serviceName, methodName and resourceName, a location, an identity, and
// a topic and a push subscription that carry its events. How an event looks on
// the wire follows recorded ones; what nobody could confirm is listed in
// UNVERIFIED.md of the local cloud.
package eventarc
