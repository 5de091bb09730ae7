// Package referee judges games. In two local clouds the same moves are played, in one of
// them beside iapguard; people knock at every door of both whenever something has changed.
// The referee compares who gets in, and reads the services and their policies as the APIs
// answer. It shares no code with what it judges and knows nothing of it but its account.
package referee
