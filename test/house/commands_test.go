package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"testing"
)

// gcloudCommand is how a text begins a gcloud command: with a group of commands
// that we use or a release track, or with what a program fills in.
var gcloudCommand = regexp.MustCompile(`\bgcloud ((alpha|beta|preview) )?(auth|artifacts|builds|compute|config|` +
	`container|dns|eventarc|functions|iam|iap|logging|org-policies|organizations|projects|pubsub|resource-manager|` +
	`run|scheduler|secrets|services|storage)\b|\bgcloud ($|%)`)

// Commands for people are built by internal/remedy/command, which quotes them and
// whose commands gcloud parses in a test. The local cloud imitates gcloud's calls;
// the help of a program's own command may show one.
func TestGcloudCommandsAreBuiltByOnePackage(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.folder, "internal/remedy/command") || within(s.folder, "internal/localcloud") ||
			within(s.folder, "test") {
			continue
		}
		for _, text := range literals(s.file) {
			if found := gcloudCommand.FindString(text); found != "" {
				t.Errorf("%s holds the command %q: build it in internal/remedy/command", s.path, found)
			}
		}
	}
}

func TestGcloudCommandsAreFoundInTexts(t *testing.T) {
	for text, want := range map[string]bool{
		"gcloud run services list": true, "or run: gcloud beta iap web": true, "gcloud ": true, "gcloud %s": true,
		"turn it on: gcloud compute": true, "gcloud": false, "deploy more with gcloud after": false,
		"gcloud/528.0.0": false, "iapguard-gcloud run": true, "mygcloud run": false,
	} {
		if got := gcloudCommand.MatchString(text); got != want {
			t.Errorf("%q begins a command: %t, want %t", text, got, want)
		}
	}
}

// literals are the strings of a file, without those of a command's help.
func literals(file *ast.File) []string {
	var texts []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			return !ok || key.Name != "Example" && key.Name != "Long" && key.Name != "Short"
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}
