package resourcemanager

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// firstFolder numbers the first folder that is made; the others follow.
const firstFolder = 410000000001

// maxHeight is how many folders may stand one in the other.
// Source: resource-manager/reference/rest/v3/folders/create.
const maxHeight = 10

// displayName is the grammar of a folder's name.
// Source: resource-manager/reference/rest/v3/folders, Folder.displayName.
var displayName = regexp.MustCompile(`^[\p{L}\p{N}]([\p{L}\p{N}_\- ]{0,28}[\p{L}\p{N}])?$`)

// folderKind are the folders. A deleted one is gone at once, where Google keeps it for
// 30 days.
func (h *hierarchy) folderKind() collection.Kind {
	return collection.Kind{
		Documents:   []string{"cloudresourcemanager/v3", "cloudresourcemanager/v2"}, // gcloud calls v2
		Collections: []string{"cloudresourcemanager.folders"}, Message: "Folder",
		Permissions: "resourcemanager.folders", Source: docs + "v3/folders",
		Verbs:    map[string]string{"search": "", "testIamPermissions": ""},
		Unserved: append(boundaries, "undelete"),
		Methods:  map[string]string{"search": "list"},
		Subject:  folderOrParent,
		Words:    collection.Words{Hidden: hidden},
		Audit:    map[string]string{"setIamPolicy": "SetIamPolicy"},
		NewID:    func() string { return strconv.FormatInt(h.made.Add(1)+firstFolder-1, 10) },
		Fixed:    []string{"name", "parent", "tags"},
		Defaults: map[string]any{"state": "ACTIVE"},
		Prepare:  h.prepareFolder,
		Shape: func(version string, _ collection.Resource, folder map[string]any) {
			if version == "v2" {
				folder["lifecycleState"] = folder["state"]
				drop(folder, "state", "etag", "updateTime")
			}
		},
		Filter:  h.filterFolders,
		Answer:  answer,
		Actions: map[string]collection.Action{"move": {Writes: true, Do: h.move}},
	}
}

// folderOrParent is the folder that a call is about, or the parent of those that it
// makes or lists.
func folderOrParent(call *apiserver.Call) string {
	if call.Var("folder") != "" {
		return ""
	}
	return cmp.Or(parentOf(call), "folders/")
}

// parentOf is the parent that a call names: a parameter, or a field of what it makes.
func parentOf(call *apiserver.Call) string { return collection.Argument(call, "parent") }

func (h *hierarchy) prepareFolder(w *collection.Write) error {
	if w.New == nil {
		if len(h.below(w.Old.Name)) > 0 {
			return apiserver.Precondition("Folder %s is not empty: it has active folders or projects.", w.Old.Name)
		}
		return nil
	}
	folder := w.New.Body
	if w.Old == nil {
		folder["parent"] = parentOf(w.Call)
	}
	name, parent := apiserver.Text(folder, "displayName"), apiserver.Text(folder, "parent")
	if !displayName.MatchString(name) {
		return apiserver.Invalid("The display name %q of a folder is not valid: it has up to 30 letters, digits, spaces, "+
			"hyphens and underscores, and starts and ends with a letter or digit.", name)
	}
	if w.Old != nil && w.Method != "move" && parent != w.Old.Body["parent"] {
		return apiserver.Invalid("The parent of a folder changes by moving it.")
	}
	return h.place(w.New.Name, name, parent)
}

// place reports whether a folder may stand below a parent under a name. The words
// begin as users report them for two folders of one name.
func (h *hierarchy) place(folder, name, parent string) error {
	if !h.there(parent) {
		return apiserver.Denied(hidden)
	}
	refuse := func(why string) error {
		return apiserver.Precondition("Folder reservation failed for parent [%s], folder name [%s] due to constraint: "+
			"The folder operation violates %s.", parent, name, why)
	}
	above := h.server.Containers(parent)
	for _, each := range above {
		if each == folder {
			return refuse("the hierarchy: the folder would contain itself")
		}
	}
	if len(above)-1+h.height(folder) > maxHeight { // without the organization
		return refuse("height constraints")
	}
	for _, other := range h.folders.All("") {
		if other.Name != folder && other.Body["parent"] == parent &&
			strings.EqualFold(apiserver.Text(other.Body, "displayName"), name) {
			return refuse("display name uniqueness within the parent")
		}
	}
	return nil
}

// height is how many folders stand one in the other, from a folder downwards.
func (h *hierarchy) height(folder string) int {
	deepest := 0
	for _, each := range h.folders.All("") {
		if each.Body["parent"] == folder {
			deepest = max(deepest, h.height(each.Name))
		}
	}
	return 1 + deepest
}

// filterFolders shows what is below a parent to a list, and to a search what its query
// selects of the folders that the caller may get.
func (h *hierarchy) filterFolders(call *apiserver.Call) (func(collection.Resource) bool, error) {
	if strings.HasSuffix(call.Route.ID, ".list") {
		parent := parentOf(call)
		if !h.there(parent) {
			return nil, apiserver.Denied(hidden)
		}
		return func(r collection.Resource) bool { return r.Body["parent"] == parent }, nil
	}
	return search(call, "query", "resourcemanager.folders.get", map[string]string{
		"displayName": "displayName", "parent": "parent", "state": "state", "lifecycleState": "state"})
}
