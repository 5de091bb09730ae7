package remedy

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/iapguard/iapguard/internal/posture"
)

// parameters are what the templates of source fixes hold.
type parameters struct {
	Project, Name string
	Region        string // "" = global
	Direct        bool   // the service's own IAP
	Client        string // an OAuth client; "" = none of its own
	Setting       string // of a service, as Terraform writes it
	Role          string
	Member        string
	Members       []string
	Condition     posture.Condition
}

func ofService(t posture.Target) parameters {
	return parameters{Project: t.Project, Name: t.Service, Region: t.Location}
}

func ofBackend(b posture.Backend) parameters {
	at := parameters{Project: b.Project, Name: b.Name}
	if b.Location != posture.Global {
		at.Region = b.Location
	}
	return at
}

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").
	Funcs(template.FuncMap{"hcl": hcl, "yaml": yaml, "label": label}).ParseFS(files, "templates/*.tmpl"))

// write fills in a template. That each can be filled in, a test shows.
func write(name string, at parameters) string {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, at); err != nil {
		return fmt.Sprintf("# %s: %v", name, err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// hcl quotes a string for Terraform, whose templates begin with ${ and %{.
// Source: terraform/language/expressions/strings.
func hcl(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(b.String()) + `"`
}

// plain is a string that YAML takes as it is, but for words such as true.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9@:./_-]*[A-Za-z0-9]$`)

// words are what YAML 1.1 reads as something else than a string.
var words = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null)$`)

// yaml quotes a string where YAML would read it as something else. Go's escapes
// in a quoted string are YAML's too. Source: yaml.org/spec/1.2.2, 5.7.
func yaml(text string) string {
	if plain.MatchString(text) && !words.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// unlabelled are characters that the name of a Terraform resource does not have.
var unlabelled = regexp.MustCompile(`[^A-Za-z0-9_]`)

// label is a name as Terraform's resources may be called.
func label(name string) string { return unlabelled.ReplaceAllString(name, "_") }
