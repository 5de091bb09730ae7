package inprocess

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CreateSchema creates a schema with its first revision.
func (s *Server) CreateSchema(_ context.Context, asked *pubsubpb.CreateSchemaRequest) (*pubsubpb.Schema, error) {
	name := asked.GetParent() + "/schemas/" + asked.GetSchemaId()
	if asked.GetSchemaId() == "" {
		name = asked.GetSchema().GetName()
	}
	if err := checkName(name, "schemas"); err != nil {
		return nil, err
	}
	if err := checkDefinition(asked.GetSchema()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.schemas[name] != nil {
		return nil, taken(name)
	}
	return s.commit(name, asked.GetSchema()), nil
}

// commit adds a revision. The lock is held.
func (s *Server) commit(name string, of *pubsubpb.Schema) *pubsubpb.Schema {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	made := &pubsubpb.Schema{Name: name, Type: of.GetType(), Definition: of.GetDefinition(),
		RevisionId: hex.EncodeToString(id[:]), RevisionCreateTime: timestamppb.New(now())}
	s.schemas[name] = append(s.schemas[name], made)
	return proto.CloneOf(made)
}

// checkDefinition refuses a definition that is empty or, of Avro, not a schema's JSON.
// It does not compile: a definition that Google refuses for its content passes.
func checkDefinition(schema *pubsubpb.Schema) error {
	switch {
	case schema.GetType() == pubsubpb.Schema_TYPE_UNSPECIFIED:
		return invalid("Invalid schema type: a schema needs the type AVRO or PROTOCOL_BUFFER.") // unverified
	case strings.TrimSpace(schema.GetDefinition()) == "":
		return invalid("Invalid schema definition: it is empty.") // unverified
	case schema.GetType() == pubsubpb.Schema_AVRO:
		var read struct{ Type json.RawMessage }
		if err := json.Unmarshal([]byte(schema.GetDefinition()), &read); err != nil || read.Type == nil {
			return invalid("AVRO schema definition is not valid.") // unverified
		}
	}
	return nil
}

// revision returns a revision of a schema, NAME@ID, or its latest, NAME. The lock is held.
func (s *Server) revision(name string) (*pubsubpb.Schema, error) {
	base, id, given := strings.Cut(name, "@")
	all := s.schemas[base]
	if len(all) > 0 && !given {
		return all[len(all)-1], nil
	}
	for _, each := range all {
		if each.GetRevisionId() == id {
			return each, nil
		}
	}
	return nil, missing(name)
}

// shownAs leaves the definition out where only the basics are asked for.
func shownAs(view pubsubpb.SchemaView, schema *pubsubpb.Schema) *pubsubpb.Schema {
	shown := proto.CloneOf(schema)
	if view == pubsubpb.SchemaView_BASIC {
		shown.Definition = ""
	}
	return shown
}

// GetSchema returns a schema or one of its revisions, whole unless asked otherwise.
func (s *Server) GetSchema(_ context.Context, asked *pubsubpb.GetSchemaRequest) (*pubsubpb.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.revision(asked.GetName())
	if err != nil {
		return nil, err
	}
	return shownAs(asked.GetView(), found), nil
}

// listView is the view of lists: the basics unless asked otherwise (disc: pubsub/v1).
func listView(asked pubsubpb.SchemaView) pubsubpb.SchemaView {
	if asked == pubsubpb.SchemaView_SCHEMA_VIEW_UNSPECIFIED {
		return pubsubpb.SchemaView_BASIC
	}
	return asked
}

// ListSchemas lists the schemas of a project by name.
func (s *Server) ListSchemas(_ context.Context, asked *pubsubpb.ListSchemasRequest) (
	*pubsubpb.ListSchemasResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next := page(within(s.schemas, asked.GetParent(), "schemas"), asked.GetPageSize(), asked.GetPageToken())
	answer := &pubsubpb.ListSchemasResponse{NextPageToken: next}
	for _, name := range names {
		all := s.schemas[name]
		answer.Schemas = append(answer.Schemas, shownAs(listView(asked.GetView()), all[len(all)-1]))
	}
	return answer, nil
}

// ListSchemaRevisions lists the revisions of a schema, the latest first.
func (s *Server) ListSchemaRevisions(_ context.Context, asked *pubsubpb.ListSchemaRevisionsRequest) (
	*pubsubpb.ListSchemaRevisionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.schemas[asked.GetName()] == nil {
		return nil, missing(asked.GetName())
	}
	answer := &pubsubpb.ListSchemaRevisionsResponse{}
	for _, each := range slices.Backward(s.schemas[asked.GetName()]) {
		answer.Schemas = append(answer.Schemas, shownAs(listView(asked.GetView()), each))
	}
	return answer, nil
}

// CommitSchema adds a revision to a schema.
func (s *Server) CommitSchema(_ context.Context, asked *pubsubpb.CommitSchemaRequest) (*pubsubpb.Schema, error) {
	if err := checkDefinition(asked.GetSchema()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.schemas[asked.GetName()] == nil {
		return nil, missing(asked.GetName())
	}
	return s.commit(asked.GetName(), asked.GetSchema()), nil
}

// RollbackSchema makes an earlier revision the latest once more.
func (s *Server) RollbackSchema(_ context.Context, asked *pubsubpb.RollbackSchemaRequest) (*pubsubpb.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.revision(asked.GetName() + "@" + asked.GetRevisionId())
	if err != nil {
		return nil, err
	}
	return s.commit(asked.GetName(), found), nil
}

// DeleteSchemaRevision deletes a revision of a schema that has others.
func (s *Server) DeleteSchemaRevision(_ context.Context, asked *pubsubpb.DeleteSchemaRevisionRequest) (
	*pubsubpb.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.revision(asked.GetName())
	if err != nil {
		return nil, err
	}
	all := s.schemas[found.GetName()]
	if len(all) == 1 {
		return nil, invalid("The last revision of schema %s cannot be deleted.", shortName(found.GetName())) // unverified
	}
	s.schemas[found.GetName()] = slices.DeleteFunc(slices.Clone(all),
		func(each *pubsubpb.Schema) bool { return each == found })
	return proto.CloneOf(found), nil
}

// DeleteSchema deletes a schema with its revisions.
func (s *Server) DeleteSchema(_ context.Context, asked *pubsubpb.DeleteSchemaRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.schemas[asked.GetName()] == nil {
		return nil, missing(asked.GetName())
	}
	delete(s.schemas, asked.GetName())
	return &emptypb.Empty{}, nil
}

// ValidateSchema checks a definition.
func (s *Server) ValidateSchema(_ context.Context, asked *pubsubpb.ValidateSchemaRequest) (
	*pubsubpb.ValidateSchemaResponse, error) {
	return &pubsubpb.ValidateSchemaResponse{}, checkDefinition(asked.GetSchema())
}

// ValidateMessage checks that a message in JSON is an object. Whether its fields are those
// of the schema is not checked, and one in binary encoding is not judged.
func (s *Server) ValidateMessage(_ context.Context, asked *pubsubpb.ValidateMessageRequest) (
	*pubsubpb.ValidateMessageResponse, error) {
	definition := asked.GetSchema()
	if name := asked.GetName(); name != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		found, err := s.revision(name)
		if err != nil {
			return nil, err
		}
		definition = found
	}
	if err := checkDefinition(definition); err != nil {
		return nil, err
	}
	if asked.GetEncoding() != pubsubpb.Encoding_JSON {
		return nil, status.Error(codes.Unimplemented, "Only messages in JSON are validated here.")
	}
	var message map[string]json.RawMessage
	if err := json.Unmarshal(asked.GetMessage(), &message); err != nil {
		return nil, invalid("Invalid message: it is not valid JSON for the schema.") // unverified
	}
	return &pubsubpb.ValidateMessageResponse{}, nil
}
