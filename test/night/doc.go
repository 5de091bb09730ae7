// Package night plays one bad night: a wrong version of the policy goes out to hundreds of
// services of two projects. The first hour lets a few of them be changed, a hold stops all,
// one command takes the wave back, and strangers and people who are entitled are asked at
// every door throughout. Commands come as they do when deployed: from Cloud Scheduler over
// Pub/Sub, and from a person with an identity token.
//
//	go test ./test/night -services 400
package night
