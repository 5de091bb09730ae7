// Package estate makes up what may stand in one Google Cloud project as far as
// it decides who gets in where: Cloud Run services, load balancers before them,
// domain mappings, IAM and IAP policies. Generate draws an estate from a seed,
// Smaller names the estates that lack one part of it, and String describes it to
// a person. The package knows nothing of iapguard and makes no calls.
package estate
