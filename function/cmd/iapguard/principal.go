package main

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// principalOf is the account of the Application Default Credentials, as far as their file names
// it; "" = it does not, or there is no file. A person's file, of gcloud auth application-default
// login, has no account in most versions. getenv gives variables of the environment.
// Source: docs/authentication/application-default-credentials, "Search order".
func principalOf(getenv func(string) string) string {
	file := getenv("GOOGLE_APPLICATION_CREDENTIALS")
	if file == "" {
		folder := getenv("CLOUDSDK_CONFIG")
		switch {
		case folder != "":
		case runtime.GOOS == "windows":
			folder = filepath.Join(getenv("APPDATA"), "gcloud")
		default:
			folder = filepath.Join(getenv("HOME"), ".config", "gcloud")
		}
		file = filepath.Join(folder, "application_default_credentials.json")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	var found struct {
		Account     string `json:"account"`
		ClientEmail string `json:"client_email"`
		// Impersonation ends in serviceAccounts/EMAIL:generateAccessToken.
		Impersonation string `json:"service_account_impersonation_url"`
	}
	if json.Unmarshal(text, &found) != nil {
		return ""
	}
	if account, is := strings.CutSuffix(path.Base(found.Impersonation), ":generateAccessToken"); is {
		return account
	}
	if found.ClientEmail != "" {
		return found.ClientEmail
	}
	return found.Account
}
