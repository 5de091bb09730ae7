package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// output remembers the first write that failed and writes nothing after it, so
// that what prints many lines need not look at each write.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(p)
	o.err = err
	return n, err
}

// outputFile is the file of -o.
type outputFile struct {
	output
	file *os.File
}

// createOutput creates the file of -o. Nobody else may read it: it names services
// and members.
func createOutput(name string) (*outputFile, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, usageError{fmt.Errorf("writing -o: %w", err)}
	}
	return &outputFile{output{to: file}, file}, nil
}

// Close returns also what went wrong while the file was written.
func (f *outputFile) Close() error {
	if err := errors.Join(f.err, f.file.Close()); err != nil {
		return fmt.Errorf("writing -o: %w", err)
	}
	return nil
}
