package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud/securitycenter"
	"github.com/iapguard/iapguard/internal/export"
	"github.com/iapguard/iapguard/internal/report"
)

var sourceName = regexp.MustCompile(`^organizations/[0-9]+/sources/[0-9]+$`)

// valid checks the flags that belong together.
func (r *reporting) valid() error {
	switch {
	case r.form == "ocsf" && r.source == "" && !r.write:
		return nil
	case r.form == "scc" && !sourceName.MatchString(r.source):
		return usageError{fmt.Errorf("--source is %q: write organizations/NUMBER/sources/NUMBER "+
			"(gcloud scc sources describe organizations/NUMBER --source-display-name=iapguard)", r.source)}
	case r.form == "scc":
		return nil
	case r.source != "" || r.write:
		return usageError{errors.New("--source and --write are for --format=scc alone")}
	}
	if r.form != "text" && r.form != "json" {
		return usageError{fmt.Errorf("--format is %q: write text, json, ocsf or scc", r.form)}
	}
	return nil
}

// export prints a document for each report that says whether its service is exposed, or
// writes it. Of several reports on a service the last one stays.
func (r *reporting) export(ctx context.Context, reports []report.Report, out io.Writer) error {
	put := json.NewEncoder(out).Encode
	if r.write {
		config, err := function.ReadConfig(cliEnvironment())
		if err != nil {
			return usageError{err}
		}
		if r.talk.endpoint != "" {
			config.Connect.Endpoint, config.Connect.Endpoints = r.talk.endpoint, nil
		}
		to, err := securitycenter.New(ctx, config.Connect)
		if err != nil {
			return err
		}
		put = func(finding any) error {
			document, err := json.Marshal(finding)
			if err != nil {
				return err
			}
			return to.Put(ctx, document)
		}
	}
	last := map[string]int{}
	for i, one := range reports {
		last[one.Subject()] = i
	}
	for i, one := range reports {
		document, ok := r.document(one)
		if !ok || r.form == "scc" && last[one.Subject()] != i {
			continue
		}
		if err := put(document); err != nil {
			return err
		}
	}
	return nil
}

func (r *reporting) document(one report.Report) (any, bool) {
	if r.form == "scc" {
		return export.SecurityCommandCenter(one, r.source)
	}
	return export.OCSF(one)
}
