package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestThePrincipalIsWhoTheCredentialsName(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"a service account", `{"type":"service_account","client_email":"auditor@p.iam.gserviceaccount.com"}`,
			"auditor@p.iam.gserviceaccount.com"},
		{"an impersonated one", `{"type":"impersonated_service_account","source_credentials":{"type":"authorized_user"},
			"service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken"}`,
			"a@p.iam.gserviceaccount.com"},
		{"a person", `{"type":"authorized_user","account":"alice@example.com","refresh_token":"r"}`, "alice@example.com"},
		{"a person without a name", `{"type":"authorized_user","account":"","refresh_token":"r"}`, ""},
		{"a broken file", `{"client_email":`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "application_default_credentials.json")
			if err := os.WriteFile(file, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
			for variable, value := range map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file, "CLOUDSDK_CONFIG": folder} {
				got := principalOf(func(name string) string {
					if name == variable {
						return value
					}
					return ""
				})
				if got != tc.want {
					t.Errorf("by %s: %q, want %q", variable, got, tc.want)
				}
			}
		})
	}
	if got := principalOf(func(string) string { return t.TempDir() }); got != "" {
		t.Errorf("without a file: %q", got)
	}
}
