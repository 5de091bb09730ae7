package collection

import (
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// stamp writes what every API writes into a resource that has the fields.
func (c *Collection) stamp(w *Write) {
	body, now := w.New.Body, Time(w.At)
	if w.Old == nil {
		c.set(body, "createTime", now)
		c.set(body, "uid", apiserver.NewUUID())
	}
	c.set(body, "updateTime", now)
	if field := c.document.Message(c.Message).Fields["etag"]; field != nil && field.Format == "byte" {
		body["etag"] = apiserver.Etag(w.At)
	} else {
		c.set(body, "etag", fmt.Sprintf(`"%x"`, w.At.UnixMicro()))
	}
	delete(body, "name") // Shown writes it
}

func (c *Collection) set(body map[string]any, field, value string) {
	if c.has(field) {
		body[field] = value
	}
}

// Time is a time as most APIs write it.
func Time(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }
