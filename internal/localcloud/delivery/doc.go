// Package delivery is the local cloud's Pub/Sub: topics, and push
// subscriptions that deliver as the real service does.
//
// Messages are kept by pstest in this process, or by the Pub/Sub emulator.
// Pushing is done here for both alike, because pstest cannot push and because
// retries, backoff and dead-letter topics must not depend on the backend: a
// subscription is pulled, each message is posted to its endpoint, and only the
// answers 102, 200, 201, 202 and 204 acknowledge it
// (cloud.google.com/pubsub/docs/push). Everything else, a cut connection and a
// passed acknowledgement deadline included, leads to another attempt after a
// growing pause, and to the dead-letter topic when attempts run out.
//
// Every published message is counted until each subscription served here is
// done with it, so that a test can wait for quiet (Broker.Idle) instead of
// sleeping.
package delivery
