package function

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Callers are the accounts that may call the function. The zero value means that nobody
// checks who calls.
type Callers struct {
	// Audiences are what tokens are made out to; nil = the function's own addresses, with or
	// without the path that is called.
	Audiences []string
	// Pushers are the e-mail addresses of the accounts that deliver messages, by path.
	Pushers map[string][]string
	// Operators are the e-mail addresses of the accounts that send commands directly. Beside
	// them the policy's approvers may.
	Operators []string
}

// checked reports whether somebody checks who calls.
func (c Callers) checked() bool { return len(c.Pushers) > 0 || len(c.Operators) > 0 }

// pushes reports whether an account delivers messages to a path.
func (c Callers) pushes(email, path string) bool { return slices.Contains(c.Pushers[path], email) }

// all are all accounts that may call, but for the policy's approvers.
func (c Callers) all() []string {
	all := slices.Clone(c.Operators)
	for _, accounts := range c.Pushers {
		all = append(all, accounts...)
	}
	return all
}

// callersVariables name the accounts that deliver messages to each path.
var callersVariables = map[string]string{
	EventsPath: "CALLERS_EVENTS", WorkPath: "CALLERS_WORK", CommandsPath: "CALLERS_COMMANDS",
}

// accountText is the grammar of an account's e-mail address.
var accountText = regexp.MustCompile(`^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// readCallers reads who may call. Its error names every wrong value in one go.
func readCallers(env map[string]string) (Callers, error) {
	var c Callers
	var problems []error
	accounts := func(name string) []string {
		var found []string
		for _, one := range listed(env[prefix+name]) {
			if !accountText.MatchString(one) {
				problems = append(problems, fmt.Errorf("%s%s: %.80q is not the e-mail address of an account: write addresses, "+
					"separated by commas", prefix, name, one))
				continue
			}
			found = append(found, strings.ToLower(one))
		}
		return found
	}
	for path, name := range callersVariables {
		if found := accounts(name); len(found) > 0 {
			if c.Pushers == nil {
				c.Pushers = map[string][]string{}
			}
			c.Pushers[path] = found
		}
	}
	c.Operators = accounts("OPERATORS")
	for _, operator := range c.Operators {
		for path, name := range callersVariables {
			if c.pushes(operator, path) {
				problems = append(problems, fmt.Errorf("%sOPERATORS names %s, and so does %s%s: what an account delivers cannot be "+
					"told from what a person sends; take two accounts", prefix, operator, prefix, name))
			}
		}
	}
	c.Audiences = listed(env[prefix+"AUDIENCE"])
	return c, errors.Join(problems...)
}

// listed are the parts of a value that are separated by commas.
func listed(value string) []string {
	var parts []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
