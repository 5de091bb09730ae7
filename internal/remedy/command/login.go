package command

// Login has a person's own credentials kept where client libraries look for them.
// Source: docs/authentication/set-up-adc-local-dev-environment.
func Login() Command { return gcloud("auth", "application-default", "login") }
