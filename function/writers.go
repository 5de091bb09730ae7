package function

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/reconcile"
)

// oneWriter is a folder with the account that writes to its projects.
var oneWriter = regexp.MustCompile(`^(folders/[0-9]+)=([^@\s/=]+@([a-z0-9.-]+\.)?gserviceaccount\.com)$`)

// ParseWriters reads IAPGUARD_WRITERS: the account that writes to the projects of each
// folder, or none. "" means that the function's own account writes everywhere. The error
// names everything that is wrong.
func ParseWriters(text string) (reconcile.Writers, error) {
	const write = "write folders/NUMBER=ACCOUNT@PROJECT.iam.gserviceaccount.com, several with commas, or none"
	switch text {
	case "":
		return nil, nil
	case "none":
		return reconcile.Writers{}, nil
	}
	writers := reconcile.Writers{}
	var problems []error
	for _, pair := range strings.Split(text, ",") {
		found := oneWriter.FindStringSubmatch(strings.TrimSpace(pair))
		switch {
		case found == nil:
			problems = append(problems, fmt.Errorf(
				"%sWRITERS has %q, which is not a folder with its account: %s", prefix, pair, write))
		case writers[found[1]] != "":
			problems = append(problems, fmt.Errorf("%sWRITERS has %s twice: leave one account for it", prefix, found[1]))
		default:
			writers[found[1]] = found[2]
		}
	}
	return writers, errors.Join(problems...)
}
