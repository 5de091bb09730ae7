package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"
)

// auditColumns are the columns of the CSV.
var auditColumns = []string{"service", "stands", "exposed", "exposedSince", "outcome", "rule", "mode", "team", "openAddresses",
	"accessors", "invokers", "exemptUntil", "exemptionOwner", "why", "next", "asOf", "asOfBy"}

// csv is an audit with a line for each service.
func (s *auditShown) csv(a audit) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(auditColumns) // into memory; Error below
	for _, one := range s.of(a) {
		since, until, owner := "", "", ""
		if one.ExposedSince != nil {
			since = one.ExposedSince.UTC().Format(time.RFC3339)
		}
		if one.Exemption != nil {
			until, owner = one.Exemption.Expires.UTC().Format(time.DateOnly), one.Exemption.Owner
		}
		why, next, at, by := "", "", "", ""
		if one.AsOf != nil {
			at, by = one.AsOf.At.UTC().Format(time.RFC3339), string(one.AsOf.By)
		}
		if stands := one.stands(); stands == standsOpen || stands == standsUnknown {
			why, next = one.why(), one.next()
		}
		_ = w.Write([]string{one.Service, string(one.stands()), string(one.Exposed), since, string(one.Outcome), cell(one.Rule),
			string(one.Mode), cell(one.Team), one.addresses(), fmt.Sprint(len(one.Accessors) + one.AccessorsLeftOff),
			fmt.Sprint(len(one.Invokers) + one.InvokersLeftOff), until, cell(owner), cell(why), cell(next), at, by})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("encoding the audit: %w", err)
	}
	return b.Bytes(), nil
}

// cell keeps a spreadsheet from taking others' text for a formula.
// Source: owasp.org, CSV injection.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// markdown is an audit for a pull request or an issue: the headline, and a table of what needs a
// person.
func (s *auditShown) markdown(a audit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", strings.TrimSuffix(plain([]line{a.headline()}), "\n"))
	fmt.Fprintf(&b, "%s, policy `%s`, at %s\n", strings.Join(quoted(a.Scope), ", "), a.Policy, a.ObservedAt.UTC().Format(time.RFC3339))
	for _, words := range a.asOfWords() {
		fmt.Fprintf(&b, "\n%s\n", words)
	}
	shown := s.of(a)
	if s.groupBy != "" {
		fmt.Fprintf(&b, "\n| %s | services |\n|---|---|\n%s", s.groupBy, s.grouped(shown, "| %s | %s |\n"))
	}
	header := false
	for _, one := range shown {
		stands := one.stands()
		if s.summary || len(s.only) == 0 && stands != standsOpen && stands != standsUnknown {
			continue
		}
		if !header {
			b.WriteString("\n| service | stands | team | since | why | next |\n|---|---|---|---|---|---|\n")
			header = true
		}
		since := ""
		if one.ExposedSince != nil {
			since = one.ExposedSince.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | `%s` |\n", inTable(one.Service), stands, inTable(one.Team), since,
			inTable(one.why()), inTable(one.next()))
	}
	return b.String()
}

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = "`" + inTable(name) + "`"
	}
	return all
}

// inTable is text that ends no cell and begins no markup of its own.
func inTable(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "`", "'", "<", "&lt;", "[", `\[`, "@", "@\u200b").Replace(text)
}
