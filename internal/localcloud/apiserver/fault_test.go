package apiserver

import "testing"

func TestWhatTheFrontEndRefusesIsNotLoggedAndWhatTheAPIRefusesIs(t *testing.T) {
	for _, tc := range []struct {
		fault Fault
		want  int
	}{
		{Fault{Status: 503}, 0},
		{Fault{Status: 429}, 0},
		{Fault{Status: 403, Reason: "rateLimitExceeded"}, 0},
		{Fault{Status: 409}, 1},
		{Fault{Status: 403}, 1},
		{Fault{Status: 503, After: true}, 1},
	} {
		records := 0
		s := serveFruits(t, Options{Audit: func(AuditRecord) { records++ }}, echo)
		tc.fault.Method, tc.fault.Action = "run.*", AnswerStatus
		s.SetFaults([]Fault{tc.fault})
		w := do(s, "POST", "/v1/projects/demo-project/fruits", "{}")
		if w.Code != tc.fault.Status || records != tc.want {
			t.Errorf("%+v: status %d and %d entries, want %d", tc.fault, w.Code, records, tc.want)
		}
	}
}
