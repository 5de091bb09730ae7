package run

import (
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// page cuts a list. A page token is the number of items that came before.
func page(call *apiserver.Call, key string, all []any) (any, error) {
	size, from := maxPageSize, 0
	var err error
	if asked := call.Query("pageSize"); asked != "" {
		if size, err = strconv.Atoi(asked); err != nil || size < 0 {
			return nil, apiserver.Invalid("Invalid page size %q.", asked)
		}
		if size == 0 || size > maxPageSize {
			size = maxPageSize
		}
	}
	if token := call.Query("pageToken"); token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > len(all) {
			return nil, apiserver.Invalid("Invalid page token %q.", token)
		}
	}
	answer := map[string]any{}
	to := min(from+size, len(all))
	if from < to {
		answer[key] = all[from:to]
	}
	if to < len(all) {
		answer["nextPageToken"] = strconv.Itoa(to)
	}
	return answer, nil
}
