package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Cloud Build gets a copy of the source, to which fetch-policy adds a file before the image is built.
func TestCloudBuildGetsTheSourceWithItsCommit(t *testing.T) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("skipped: gcloud is not installed here, which chooses what is uploaded")
	}
	from, to := clone(t, "source"), t.TempDir()
	for _, name := range []string{"iapguard", "build/licenses.txt"} { // made by people and .ci/package
		writeFile(t, filepath.Join(from, name), "made")
	}
	uploaded := run(t, in{from, []string{"CLOUDSDK_CONFIG=" + t.TempDir()}}, gcloud, "meta", "list-files-for-upload", ".")
	for name := range strings.FieldsSeq(uploaded) {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(to, name), string(content))
		if strings.HasPrefix(name, "build/") || name == "iapguard" {
			t.Errorf("%s is uploaded", name)
		}
	}
	// Folders are uploaded too, and git wants some that may be empty.
	err = filepath.WalkDir(filepath.Join(from, ".git"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		name, err = filepath.Rel(from, name)
		return errors.Join(err, os.MkdirAll(filepath.Join(to, name), 0o755))
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, in{folder: to}, "git", "config", "core.fileMode", "false") // the copy above has no modes
	writeFile(t, filepath.Join(to, "policy-to-check.yaml"), "version: 1\n")
	if got := run(t, in{folder: to}, "git", "rev-parse", "HEAD"); got != commit(t) {
		t.Errorf("the copy is of commit %s, want %s", got, commit(t))
	}
	if changes := run(t, in{folder: to}, "git", "status", "--porcelain"); changes != "" {
		t.Errorf("the copy has changes, and the program would say so:\n%s", changes)
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.WriteFile(name, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// emptyBase serves an image without layers, in the place of the one that deploy/ko.yaml names.
// Source: the distribution specification of OCI, "Pulling manifests" and "Pulling blobs".
func emptyBase(t *testing.T) (name string) {
	t.Helper()
	config := `{"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}`
	const kind = "application/vnd.oci.image.manifest.v1+json"
	manifest := fmt.Sprintf(`{"schemaVersion": 2, "mediaType": %q, "layers": [], "config": {"size": %d,
		"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:%x"}}`, kind, len(config),
		sha256.Sum256([]byte(config)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := ""
		switch {
		case strings.HasPrefix(r.URL.Path, "/v2/base/manifests/"):
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest))))
			text = manifest
		case strings.HasPrefix(r.URL.Path, "/v2/base/blobs/"):
			text = config
		case r.URL.Path != "/v2/":
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		_, _ = io.WriteString(w, text) // the client says so where it got less
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/base"
}

func TestTheImageNamesItsCommit(t *testing.T) {
	forRelease(t)
	ko, folder, file := installed(t, "KO"), clone(t, "iapguard"), filepath.Join(t.TempDir(), "image.tar")
	where := in{folder, []string{"GOFLAGS=-buildvcs=true", "KO_CONFIG_PATH=deploy/ko.yaml", "KO_DOCKER_REPO=example.com/iapguard",
		"KO_DEFAULTBASEIMAGE=" + emptyBase(t)}}
	run(t, where, ko, "build", "--bare", "--platform=linux/amd64", "--tags=v1", "--push=false", "--tarball="+file,
		"--sbom-dir="+t.TempDir(), "--image-label=org.opencontainers.image.revision="+commit(t), "./function/cmd/iapguard")
	image := untarred(t, file)
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(image["manifest.json"], &manifest); err != nil || len(manifest) != 1 {
		t.Fatalf("%v: %s", err, image["manifest.json"])
	}
	var config struct {
		Config struct{ Labels map[string]string }
	}
	if err := json.Unmarshal(image[manifest[0].Config], &config); err != nil ||
		config.Config.Labels["org.opencontainers.image.revision"] != commit(t) {
		t.Errorf("the image has labels %v, error %v", config.Config.Labels, err)
	}
	program := filepath.Join(t.TempDir(), "iapguard")
	for _, layer := range manifest[0].Layers {
		content := image[layer]
		if compressed, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
			if content, err = io.ReadAll(compressed); err != nil {
				t.Fatal(err)
			}
		}
		name := filepath.Join(t.TempDir(), "layer.tar")
		writeFile(t, name, string(content))
		for name, content := range untarred(t, name) {
			if path.Base(name) == "iapguard" && len(content) > 0 {
				if err := os.WriteFile(program, content, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if said := madeOf(t.Context(), t, program); said.Commit != commit(t) || said.Modified {
		t.Errorf("the image's program says %+v, want commit %s", said, commit(t))
	}
}

// untarred are the files of an archive.
func untarred(t *testing.T, name string) map[string][]byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	files := map[string][]byte{}
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}
