// Package dataplane answers requests as Google Cloud's data plane does: at a
// load balancer's frontend (forwarding rule, proxy, URL map, backend service),
// through IAP where it is on, into Cloud Run; or at a service's run.app address.
// It changes nothing; all that it knows is the state that the APIs hold. A
// container is an echo of what it was called with, or a program that listens on
// this machine: see Contain.
//
// Where a request goes is decided by its Host. Who sends it is decided by two
// headers that stand for what a browser and a program would bring:
//
//	X-Local-User: user:alice@example.com          a browser that is signed in with Google; only IAP looks at it
//	Authorization: Bearer user:alice@example.com  a program's token; IAP and Cloud Run look at it
//
// IAP knows two more kinds of people where its settings say so, in either header:
//
//	external:eve@example.net                              signed up with Identity Platform (gcipSettings)
//	principal://iam.googleapis.com/locations/global/workforcePools/POOL/subject/SUBJECT
//	principalSet://iam.googleapis.com/locations/global/workforcePools/POOL/group/GROUP   somebody of a group
//
// A bearer token may also be an identity token of the local cloud (package
// oidc), which is checked as Google's are, its audience where it is shown. Any
// other is one that does not verify. From where a request comes, as logs show it, X-Local-Address
// may say; X-Local-Frontend is the IP address of the frontend to which it goes, whatever its Host.
//
// At a frontend a request counts as https or http as X-Forwarded-Proto says; without it, as the port in
// its Host says where a forwarding rule has that port, and else as https where
// the host has an HTTPS frontend.
//
// Package dataplane is pure but for its edge, DataPlane: walk gives the answer
// and the log entries of a request from the state and what a container of
// somebody's answers. What nobody could
// confirm is listed in UNVERIFIED.md of the local cloud.
package dataplane
