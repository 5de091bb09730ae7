package connect

import (
	"google.golang.org/grpc/codes"

	"github.com/iapguard/iapguard/internal/fault"
)

// operationFaults classifies the google.rpc.Code of a failed operation. What the
// request itself is refused for (INVALID_ARGUMENT, FAILED_PRECONDITION and the
// like) does not pass by itself.
var operationFaults = map[codes.Code]fault.Kind{
	codes.NotFound: fault.NotFound, codes.PermissionDenied: fault.Denied, codes.Aborted: fault.Conflict,
	codes.Canceled: fault.OperationFailed, codes.Unknown: fault.OperationFailed,
	codes.DeadlineExceeded: fault.OperationFailed, codes.ResourceExhausted: fault.OperationFailed,
	codes.Internal: fault.OperationFailed, codes.Unavailable: fault.OperationFailed,
}

// OperationFault is what kind of failure the google.rpc.Code of a long-running operation
// stands for that ended with an error.
func OperationFault(code int64) fault.Kind {
	if kind, known := operationFaults[codes.Code(code)]; known {
		return kind
	}
	return fault.Invalid
}
