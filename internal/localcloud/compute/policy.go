package compute

import "github.com/iapguard/iapguard/internal/localcloud/apiserver"

// getPolicy answers the IAM policy of the resource itself, which is not the
// one that IAP keeps for it.
func (s site) getPolicy(c *apiserver.Call) (any, error) {
	path, err := s.policyOf(c)
	if err != nil {
		return nil, err
	}
	return c.GetIamPolicy(path)
}

// setPolicy writes it. The call is synchronous: no operation, one log entry
// (load-balancing/docs/audit-logging: not long-running).
func (s site) setPolicy(c *apiserver.Call) (any, error) {
	path, err := s.policyOf(c)
	if err != nil {
		return nil, err
	}
	return c.SetIamPolicy(path)
}

func (s site) policyOf(c *apiserver.Call) (string, error) {
	r, err := s.existing(c)
	if err != nil {
		return "", err
	}
	return r.path(), nil
}
