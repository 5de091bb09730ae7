package policy

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// The grammars of a client's id, as Google issues it, and of a version of a
// secret. Source: iap/docs/custom-oauth-configuration, and
// secret-manager/docs/reference/rest/v1/projects.secrets.versions.
var (
	clientID      = regexp.MustCompile(`^[0-9]+-[a-z0-9]+\.apps\.googleusercontent\.com$`)
	secretVersion = regexp.MustCompile(
		`^projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]{1,255}/versions/(latest|[1-9][0-9]{0,9})$`)
)

// oauthClient reads a custom OAuth client: its id, and the name of its secret. Its
// messages do not quote the value, which may be the secret itself.
func (r *reader) oauthClient(n *yaml.Node, into *OAuthClient) {
	r.mapping(n, "oauthClient", keys{
		"id": func(n *yaml.Node) {
			r.text("oauthClient.id", &into.ID)(n)
			if into.ID != "" && !clientID.MatchString(into.ID) {
				r.complain(n, "oauthClient.id is %.80q: write NUMBER-LETTERS.apps.googleusercontent.com", into.ID)
			}
		},
		"secret": func(n *yaml.Node) {
			value, ok := stringOf(n)
			project, _, _ := strings.Cut(strings.TrimPrefix(value, "projects/"), "/")
			if !ok || !secretVersion.MatchString(value) || !posture.ValidProject(project) {
				r.complain(n,
					"oauthClient.secret does not name a version of a secret; if it is the secret itself, replace it, "+
						"because it is exposed now: write projects/PROJECT/secrets/SECRET/versions/latest")
				return
			}
			into.Secret = value
		},
	}, "id", "secret")
}
