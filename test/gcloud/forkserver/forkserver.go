// Package forkserver runs the installed gcloud in a tenth of the time. Nine tenths
// of a gcloud command are Python imports, so one process imports gcloud's modules
// once and runs each command, from gcloud's own main, in a fork.
//
// Programs find the server's gcloud in a folder for PATH. It starts the test binary,
// which hands its arguments, environment, folder and standard files to the server
// and exits with the command's status.
package forkserver

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed forkserver.py
var program string

// Server is a running server.
type Server struct {
	// Folder has the server's gcloud. Put it first in PATH.
	Folder string

	command *exec.Cmd
	alive   io.Closer
}

// socketVariable names the server's socket to a test binary that runs as gcloud.
const socketVariable = "TEST_GCLOUD_SOCKET"

// Start starts a server for the gcloud of PATH. The caller closes it.
func Start() (*Server, error) {
	root, python, err := installation()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "gcloud")
	if err != nil {
		return nil, fmt.Errorf("starting gcloud's fork server: %w", err)
	}
	s := &Server{Folder: folder}
	if err := s.start(root, python); err != nil {
		return nil, errors.Join(fmt.Errorf("starting gcloud's fork server: %w", err), os.RemoveAll(folder))
	}
	return s, nil
}

func (s *Server) start(root, python string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	socket := filepath.Join(s.Folder, "socket")
	script := fmt.Sprintf("#!/bin/sh\n%s='%s' exec '%s' \"$@\"\n", socketVariable, socket, self)
	if err := os.WriteFile(filepath.Join(s.Folder, "gcloud"), []byte(script), 0o700); err != nil {
		return err
	}
	// -S: like gcloud, which uses only the packages that it brings along.
	s.command = exec.Command(python, "-S", "-c", program, root, socket)
	s.command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Folder, "CLOUDSDK_CONFIG=" + s.Folder}
	s.command.Stderr = os.Stderr
	in, err := s.command.StdinPipe()
	if err != nil {
		return err
	}
	s.alive = in
	out, err := s.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.command.Start(); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return errors.Join(fmt.Errorf("it says %q instead of ready: %w", line, err), s.end())
	}
	return nil
}

func (s *Server) end() error { return errors.Join(s.alive.Close(), s.command.Wait()) }

// Close ends the server.
func (s *Server) Close() error { return errors.Join(s.end(), os.RemoveAll(s.Folder)) }

// installation is gcloud's folder and the Python that it runs with.
func installation() (root, python string, err error) {
	out, err := exec.Command("gcloud", "info",
		"--format=value[separator='\n'](installation.sdk_root,basic.python_location)").Output()
	if err != nil {
		return "", "", fmt.Errorf("asking gcloud for its folder and its Python: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 {
		return "", "", fmt.Errorf("asking gcloud for its folder and its Python: it says %q", lines)
	}
	return lines[0], lines[1], nil
}

// typed is one command on its way to the server.
type typed struct {
	Arguments   []string          `json:"arguments"`
	Environment map[string]string `json:"environment"`
	Directory   string            `json:"directory"`
}

// Main is for TestMain, first: where the test binary was started as gcloud, it runs
// the command and exits.
func Main() {
	socket := os.Getenv(socketVariable)
	if socket == "" {
		return
	}
	status, err := run(socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gcloud's fork server:", err)
		status = 1
	}
	os.Exit(status)
}

// run hands the command of this process to the server at a socket.
func run(socket string) (status int, err error) {
	directory, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	command := typed{Arguments: os.Args[1:], Environment: map[string]string{}, Directory: directory}
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); name != socketVariable {
			command.Environment[name] = value
		}
	}
	message, err := json.Marshal(command)
	if err != nil {
		return 0, err
	}
	connection, err := net.DialTimeout("unix", socket, 10*time.Second)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	files := syscall.UnixRights(int(os.Stdin.Fd()), int(os.Stdout.Fd()), int(os.Stderr.Fd()))
	// The files go with the first byte.
	if _, _, err := connection.(*net.UnixConn).WriteMsgUnix(message[:1], files, nil); err != nil {
		return 0, err
	}
	if _, err := connection.Write(append(message[1:], '\n')); err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(connection)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(answer))
}
