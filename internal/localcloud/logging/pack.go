package logging

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
)

// Entries are packed when they are no longer the latest: as deflated blocks their texts,
// which have much in common, take a twentieth of the memory.

// blockEntries is how many entries a block has. Blocks are opened one at a time and whole.
const blockEntries = 256

// packed is where a packed text is: from one byte of a block up to another.
type packed struct {
	block    *block
	from, to int
}

// block is the texts of some entries, one after the other.
type block struct {
	deflated []byte
	size     int
}

// packer packs entries. The zero value is ready for use.
type packer struct {
	writer *flate.Writer // takes more memory than many blocks
}

// pack returns the same entries with their texts in a block.
func (p *packer) pack(entries []*stored) []*stored {
	var deflated bytes.Buffer
	if p.writer == nil {
		p.writer, _ = flate.NewWriter(&deflated, flate.BestSpeed) // the level is valid
	} else {
		p.writer.Reset(&deflated)
	}
	made, all := &block{}, make([]*stored, len(entries))
	for i, each := range entries {
		p.writer.Write(each.raw) // into memory
		kept := *each
		kept.raw, kept.tree, kept.packed = nil, nil, packed{made, made.size, made.size + len(each.raw)}
		made.size += len(each.raw)
		all[i] = &kept
	}
	p.writer.Close()
	made.deflated = bytes.Clone(deflated.Bytes())
	return all
}

// reader reads the texts of entries, the more quickly the closer those are together.
type reader struct {
	// rejects reports whether a filter certainly selects nothing of a text.
	rejects func(text []byte) bool

	block *block // that is open
	open  []byte
	none  bool // nothing in the block is selected
}

// text is the text of an entry, and whether a filter may select it.
func (r *reader) text(of *stored) (raw json.RawMessage, maySelect bool) {
	if of.raw != nil {
		return of.raw, true
	}
	if r.block != of.block {
		r.block, r.open = of.block, make([]byte, of.block.size)
		_, err := io.ReadFull(flate.NewReader(bytes.NewReader(of.block.deflated)), r.open)
		r.none = err != nil || r.rejects(r.open) // what was packed can be read
	}
	return r.open[of.from:of.to:of.to], !r.none
}
