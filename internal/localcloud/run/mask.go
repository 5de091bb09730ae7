package run

import (
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// masked is the old spec with the fields of a mask taken from the new one.
// Without a mask, and with "*", the new spec replaces the old one (recorded
// for no mask). A masked field that the new spec lacks is cleared.
func masked(old, sent map[string]any, mask string) (map[string]any, error) {
	paths, err := documentV2().Mask(serviceV2, mask)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	if mask == "" || mask == "*" {
		return sent, nil
	}
	merged := apiserver.Clone(old)
	for _, path := range paths {
		field := documentV2().Message(serviceV2).Fields[path[0]]
		switch {
		case field == nil || field.ReadOnly || path[0] == "name" || path[0] == "etag": // only the server writes them
		case field.Map: // a key of a map stands for the map
			collection.Assign(merged, sent, path[:1])
		default:
			collection.Assign(merged, sent, path)
		}
	}
	return merged, nil
}
