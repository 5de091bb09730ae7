package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// part is an element of the page, to be put in its place.
type part struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
	Says string `json:"says,omitempty"` // for those who do not see it
}

// news is what has changed on the page.
type news struct {
	Parts    []part `json:"parts,omitempty"`    // elements that are always there
	Episodes []part `json:"episodes,omitempty"` // each in the place of its former self, or new
	Kept     []int  `json:"kept"`               // ids of all episodes that there are
}

// keepAlive is how often a stream shows that it is alive.
const keepAlive = 15 * time.Second

// events streams what changes, as server-sent events. A page that comes back gets everything.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	c.watchers.Add(1)
	defer c.watchers.Add(-1)
	c.wantLook()
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	episodes, viewed, sent := 0, 0, map[string]string{}
	for {
		seen, count, changed := c.current()
		var n news
		n, episodes = c.newsSince(episodes)
		if count != viewed {
			viewed = count
			s := c.shown(seen)
			for _, id := range []string{"summary", "services", "tries"} {
				if html := render(id, s); html != sent[id] {
					sent[id] = html
					n.Parts = append(n.Parts, part{ID: id, HTML: html})
				}
			}
		}
		if len(n.Parts)+len(n.Episodes) > 0 {
			text, err := json.Marshal(n)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil || stream.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-time.After(keepAlive):
			if _, err := fmt.Fprint(w, ": alive\n\n"); err != nil || stream.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(pause):
		}
	}
}

// newsSince are the episodes that changed after a version.
func (c *Console) newsSince(version int) (n news, latest int) {
	changed, kept, latest := c.timeline.since(version)
	n.Kept = kept
	for _, each := range changed {
		says := ""
		if each.State != "" {
			says = each.Name() + ": " + each.State
		}
		n.Episodes = append(n.Episodes,
			part{ID: fmt.Sprint("episode-", each.ID), HTML: render("episode", each), Says: says})
	}
	return n, latest
}
