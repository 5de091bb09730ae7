package scenarios

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
)

const (
	ownAccount  = "serviceAccount:" + playground.FunctionAccount
	projectRole = "projects/" + playground.Project + "/roles/"
)

// asOwner makes a call that changes who may do what.
func (p *play) asOwner(path string, body any) error {
	_, err := playground.Client{URL: p.playground.URL()}.Call(p.ctx, http.MethodPost, path, body)
	return err
}

// bind is a policy of one binding.
func bind(role, member string) map[string]any {
	return map[string]any{"policy": map[string]any{
		"bindings": []any{map[string]any{"role": role, "members": []any{member}}}}}
}

// makesFolder makes the next folder, folders/410000000001 and so on, in another
// one or right below the organization.
func (p *play) makesFolder(args, _ []string) error {
	parent := cmp.Or(after(args, "in"), "organizations/"+apiserver.OrganizationID)
	if len(args) != 1 && len(args) != 3 {
		return fmt.Errorf("write folder NAME [in folders/NUMBER]")
	}
	return p.asOwner("/v3/folders", map[string]any{"parent": parent, "displayName": args[0]})
}

// moves puts the project into a folder.
func (p *play) moves(args, _ []string) error {
	if len(args) != 2 || args[0] != "to" {
		return fmt.Errorf("write move to folders/NUMBER")
	}
	return p.asOwner("/v3/projects/"+playground.Project+":move", map[string]any{"destinationParent": args[1]})
}

// makesWriter makes a service account that may write below a folder, act as what
// the project's services run as, and be impersonated by the function; and takes
// from the function's own account what it could write with.
func (p *play) makesWriter(args, _ []string) error {
	if len(args) != 3 || args[1] != "of" {
		return fmt.Errorf("write writer NAME of folders/NUMBER|nothing")
	}
	email := args[0] + "@" + playground.Project + ".iam.gserviceaccount.com"
	accounts := "/v1/projects/" + playground.Project + "/serviceAccounts"
	if err := p.asOwner(accounts, map[string]any{"accountId": args[0]}); err != nil {
		return err
	}
	if args[2] != "nothing" {
		role := "organizations/" + apiserver.OrganizationID + "/roles/iapguardWriter"
		if err := p.asOwner("/v3/"+args[2]+":setIamPolicy", bind(role, "serviceAccount:"+email)); err != nil {
			return err
		}
	}
	for _, role := range []string{"iapguardWriter", "iapguardRuntime"} {
		if err := p.revokes([]string{ownAccount, projectRole + role}, nil); err != nil {
			return err
		}
	}
	if err := p.grants([]string{"serviceAccount:" + email, projectRole + "iapguardRuntime"}, nil); err != nil {
		return err
	}
	return p.asOwner(accounts+"/"+email+":setIamPolicy", bind("roles/iam.serviceAccountTokenCreator", ownAccount))
}

// restarts starts the function anew, with the same writers or with others.
func (p *play) restarts(args, block []string) error {
	if len(args) == 0 {
		p.stop()
		return p.serve()
	}
	if strings.Join(args, " ") != "with writers" {
		return fmt.Errorf("write restart, or restart with writers")
	}
	writers, err := function.ParseWriters(strings.Join(block, ","))
	if err != nil {
		return err
	}
	p.stop()
	p.config.Writers = writers
	return p.serve()
}
