package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud/secret"
	"github.com/iapguard/iapguard/internal/policy"
)

// readSecrets reads policy and holds from the secrets that the function has mounted, because the
// function did not say what is in force. It returns what has to be known of that, in a line. Its
// error means that neither could be read.
func (f *inForce) readSecrets(ctx context.Context, why error) (said string, err error) {
	secrets, err := secret.New(ctx, f.to.connect)
	if err != nil {
		return "", err
	}
	read := func(variable string) (name string, text []byte, err error) {
		file := f.to.deployed.Variables[variable]
		if name = f.to.deployed.Files[file]; name == "" {
			return "", nil, fmt.Errorf("%s of the function is %q, which is not the file of a secret", variable, file)
		}
		text, _, err = secrets.Latest(ctx, name)
		return name, text, err
	}
	now := time.Now()
	var rules policy.Policy
	from, text, unread := read("IAPGUARD_POLICY")
	if unread == nil {
		f.status.PolicyText = string(text)
		said = fmt.Sprintf("the policy is the latest version of %s, which may wait for an approver", from)
		if parsed, err := policy.Parse(text, now); err == nil {
			rules, f.status.PolicyDigest = parsed, parsed.Digest()
		}
	} else {
		f.policyUnread = fmt.Errorf("the policy is not known: %w", unread)
		said = f.policyUnread.Error()
	}
	from, text, unheld := read("IAPGUARD_HOLDS")
	if unheld == nil {
		f.holds, unheld = policy.ParseHolds(text)
	}
	if unread != nil && unheld != nil {
		return "", fmt.Errorf("%w; %w", unread, unheld)
	}
	f.holds = f.holds.Bounded(rules.LongestHold(), func(policy.Hold) time.Time { return now })
	for _, hold := range f.holds.At(now) {
		f.status.Holds = append(f.status.Holds, function.HoldInForce{Target: hold.Name(), Until: hold.Until.UTC(),
			Reason: hold.Reason, By: hold.By})
	}
	f.unasked = why
	if f.err = unheld; unheld == nil {
		f.err = errors.New("those that commands placed are not known, because the function did not say them")
		return fmt.Sprintf("%s; holds are those of %s, and %v", said, from, f.err), nil
	}
	f.status.HoldsUnread = f.err.Error()
	return fmt.Sprintf("%s; the holds are not known: %v", said, unheld), nil
}
