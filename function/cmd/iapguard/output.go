package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// output remembers the first write that failed and writes nothing after it, so
// that what prints many lines need not look at each write.
type output struct {
	to    io.Writer
	err   error
	links bool // names may link to Google's console: see allowLinks
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = errReaderGone
	}
	o.err = err
	return n, err
}

// errReaderGone means that what reads the output has ended, such as head.
var errReaderGone = errors.New("what reads it has ended (broken pipe)")

// failureOf is why something that was written to a writer got lost, nil where nothing was.
func failureOf(out io.Writer) error {
	if o, ok := out.(*output); ok {
		return o.err
	}
	return nil
}

// outputFile is the file of -o. It is written beside the file that it becomes, so that who
// reads that one never finds half of it, and an earlier one is there until the new one is whole.
type outputFile struct {
	output
	file *os.File
	// becomes is the name that the file gets once it is closed; "" = it is written in place, because
	// it is a device or a pipe.
	becomes string
	closed  bool
	// kept says that what was written stays where the rest of it could not be: it is the evidence
	// of writes.
	kept bool
}

// createOutput creates the file of -o. Nobody else may read it: it names services
// and members.
func createOutput(name string) (*outputFile, error) {
	file, becomes, err := createBeside(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("writing -o: %w", err)}
	}
	return &outputFile{output: output{to: file}, file: file, becomes: becomes}, nil
}

func createBeside(name string) (file *os.File, becomes string, err error) {
	at, err := os.Stat(name)
	switch {
	case err == nil && at.IsDir():
		return nil, "", fmt.Errorf("%s is a folder: name a file in it", name)
	case err == nil && !at.Mode().IsRegular():
		file, err = os.OpenFile(name, os.O_WRONLY, 0)
		return file, "", err
	case err == nil:
		if becomes, err = filepath.EvalSymlinks(name); err != nil { // a link stays one
			return nil, "", err
		}
	default:
		becomes = name
	}
	file, err = os.CreateTemp(filepath.Dir(becomes), filepath.Base(becomes)+".partial-*")
	return file, becomes, err
}

// Close gives the file its name. It returns also what went wrong while the file was written;
// then the earlier file of that name stays.
func (f *outputFile) Close() error {
	f.closed = true
	err := errors.Join(f.err, f.file.Close())
	switch {
	case err == nil && f.becomes != "":
		err = os.Rename(f.file.Name(), f.becomes)
	case err != nil && f.becomes != "" && !f.kept:
		_ = os.Remove(f.file.Name()) // nothing in it counts
	case err != nil && f.becomes != "":
		err = fmt.Errorf("%w; what could be written is in %s", err, f.file.Name())
	}
	if err != nil {
		return fmt.Errorf("writing -o: %w", err)
	}
	return nil
}

// abandon leaves the earlier file of that name as it was, where Close was not called.
func (f *outputFile) abandon() {
	if f == nil || f.closed {
		return
	}
	_ = f.file.Close() // nothing in it counts
	if f.closed = true; f.becomes != "" {
		_ = os.Remove(f.file.Name())
	}
}
