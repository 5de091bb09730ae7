package inprocess

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// applyMask copies the fields that a mask names from one message into another of its
// type. Fields that are fixed are refused. The texts are those of the emulator; that
// the service says the same is unverified.
func applyMask(to, from proto.Message, mask *fieldmaskpb.FieldMask, fixed []string) error {
	kind := string(to.ProtoReflect().Descriptor().Name())
	if len(mask.GetPaths()) == 0 {
		return invalid("The update_mask in the Update%sRequest must be set, and must contain a non-empty paths list.", kind)
	}
	for _, path := range mask.GetPaths() {
		if slices.Contains(fixed, path) {
			return invalid("Invalid update_mask provided in the Update%sRequest: the '%s' field in the %s is not mutable.",
				kind, path, kind)
		}
		if !assign(to.ProtoReflect(), from.ProtoReflect(), strings.Split(path, ".")) {
			return invalid("Invalid update_mask provided in the Update%sRequest: '%s' is not a known %s field. "+
				"Note that field paths must be of the form 'push_config' rather than 'pushConfig'.", kind, path, kind)
		}
	}
	return nil
}

// assign copies one field at a path and reports whether there is such a field.
func assign(to, from protoreflect.Message, path []string) bool {
	field := to.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case field == nil:
		return false
	case len(path) > 1:
		if field.Message() == nil || field.IsMap() || field.IsList() {
			return false
		}
		return assign(to.Mutable(field).Message(), from.Get(field).Message(), path[1:])
	case !from.Has(field):
		to.Clear(field)
	default:
		to.Set(field, proto.Clone(from.Interface()).ProtoReflect().Get(field))
	}
	return true
}
