package pubsub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// call answers one call through its gRPC method.
func (p api) call(call *apiserver.Call, m method) (any, error) {
	request := newMessage(m.rpc.Input())
	if err := m.read(call, request); err != nil {
		return nil, err
	}
	if account := pushAccount(request); account != "" {
		if err := call.ActAs(account); err != nil {
			return nil, err
		}
	}
	answer := newMessage(m.rpc.Output())
	if err := p.invoke(call, m.rpc, request, answer); err != nil {
		return nil, err
	}
	if m.Verb == http.MethodDelete && lastPart(m.ID) == "delete" {
		call.Server().DeletePolicy(named(call))
	}
	shown, err := toJSON(answer)
	if err != nil {
		return nil, err
	}
	return schema.Project(shown, call.Query("fields"))
}

// read fills a request from the body, the query and the path.
func (m method) read(call *apiserver.Call, request proto.Message) error {
	into := request.ProtoReflect()
	if m.body != "" {
		body, err := m.readBody(call)
		if err != nil {
			return err
		}
		// Terraform's provider sends the mask as a parameter (recorded).
		mask := cmp.Or(takeMask(body), call.Query("updateMask"))
		target := into
		if m.body != "*" {
			target = into.Mutable(into.Descriptor().Fields().ByName(protoreflect.Name(m.body))).Message()
		}
		if err := fromJSON(body, target.Interface()); err != nil {
			return err
		}
		setMask(into, mask)
	}
	if err := fromJSON(m.query(call), request, keepOthers); err != nil {
		return err
	}
	name := named(call)
	// A revision of a schema is named NAME@REVISION, or by a parameter that is on its
	// way out (disc: pubsub/v1).
	if revision := call.Query("revisionId"); revision != "" && m.Verb == http.MethodDelete {
		name, _, _ = strings.Cut(name, "@")
		name += "@" + revision
	}
	bind(into, m.bound, name)
	return nil
}

// readBody is the body as the discovery document has it: Google's front end refuses
// by it.
func (m method) readBody(call *apiserver.Call) (object, error) {
	sent, err := call.Body()
	if err != nil {
		return nil, err
	}
	body, err := m.document.Normalize(m.Request, sent)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	return body, nil
}

// query are the parameters of the query that the method has.
func (m method) query(call *apiserver.Call) object {
	given := object{}
	for name := range m.Parameters {
		field := m.rpc.Input().Fields().ByJSONName(name)
		if value := call.Query(name); value != "" && field != nil {
			given[name] = value
		}
	}
	return given
}

// keepOthers lets fromJSON add to what a message holds.
const keepOthers = true

// fromJSON reads a message.
func fromJSON(body object, into proto.Message, keep ...bool) error {
	if len(body) == 0 {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	read := into.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(text, read); err != nil {
		return apiserver.Invalid("Invalid JSON payload received. %s", // what protojson adds is not Google's
			strings.TrimPrefix(err.Error(), "proto:\u00a0"))
	}
	if len(keep) == 0 {
		proto.Reset(into)
	}
	proto.Merge(into, read)
	return nil
}

// takeMask takes the update mask out of a body: protobuf's JSON has its paths in
// camel case only, and Google takes both.
func takeMask(body object) string {
	mask := apiserver.Text(body, "updateMask")
	delete(body, "updateMask")
	return mask
}

// setMask sets the update mask of a request that has one.
func setMask(request protoreflect.Message, mask string) {
	field := request.Descriptor().Fields().ByName("update_mask")
	if field == nil || mask == "" {
		return
	}
	paths := request.Mutable(field).Message()
	list := paths.Mutable(paths.Descriptor().Fields().ByName("paths")).List()
	for _, each := range strings.Split(mask, ",") {
		list.Append(protoreflect.ValueOfString(snakeCase(strings.TrimSpace(each))))
	}
}

func snakeCase(camel string) string {
	var snake strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			snake.WriteByte('_')
		}
		snake.WriteRune(unicode.ToLower(r))
	}
	return snake.String()
}

// bind sets the field that the path names.
func bind(message protoreflect.Message, way []string, name string) {
	for _, each := range way[:len(way)-1] {
		message = message.Mutable(message.Descriptor().Fields().ByName(protoreflect.Name(each))).Message()
	}
	message.Set(message.Descriptor().Fields().ByName(protoreflect.Name(way[len(way)-1])), protoreflect.ValueOfString(name))
}

// pushAccount is the service account as which a request makes a subscription push.
func pushAccount(request proto.Message) string {
	var config *pubsubpb.PushConfig
	switch request := request.(type) {
	case *pubsubpb.Subscription:
		config = request.GetPushConfig()
	case *pubsubpb.UpdateSubscriptionRequest:
		config = request.GetSubscription().GetPushConfig()
	case *pubsubpb.ModifyPushConfigRequest:
		config = request.GetPushConfig()
	}
	return config.GetOidcToken().GetServiceAccountEmail()
}

func newMessage(of protoreflect.MessageDescriptor) proto.Message {
	found, err := protoregistry.GlobalTypes.FindMessageByName(of.FullName())
	if err != nil {
		panic(err) // pubsubpb registers every message of its services
	}
	return found.New().Interface()
}

// invoke calls the broker; its error is Google's.
func (p api) invoke(call *apiserver.Call, rpc protoreflect.MethodDescriptor, request, answer proto.Message) error {
	name := fmt.Sprintf("/%s/%s", rpc.Parent().FullName(), rpc.Name())
	err := p.broker.Invoke(call.Request.Context(), name, request, answer)
	if err == nil {
		return nil
	}
	failed := status.Convert(err)
	return &apiserver.Error{Code: httpStatus(failed.Code()), Status: codeNames[failed.Code()], Message: failed.Message(),
		Reason: reasons[failed.Code()]}
}

// codeNames are the canonical names of what the broker answers.
var codeNames = map[codes.Code]string{
	codes.InvalidArgument: "INVALID_ARGUMENT", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Unimplemented: "UNIMPLEMENTED", codes.Canceled: "CANCELLED",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.Unavailable: "UNAVAILABLE",
	codes.ResourceExhausted: "RESOURCE_EXHAUSTED", codes.Aborted: "ABORTED", codes.PermissionDenied: "PERMISSION_DENIED",
	codes.Unknown: "UNKNOWN", codes.Internal: "INTERNAL", codes.OutOfRange: "OUT_OF_RANGE",
}

// reasons are the legacy reasons of the same.
var reasons = map[codes.Code]string{
	codes.InvalidArgument: "badRequest", codes.NotFound: "notFound", codes.AlreadyExists: "alreadyExists",
	codes.FailedPrecondition: "failedPrecondition", codes.Unimplemented: "notImplemented",
	codes.Canceled: "cancelled",
}

// httpStatus follows google/rpc/code.proto.
func httpStatus(code codes.Code) int {
	switch code {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Canceled:
		return 499
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}
