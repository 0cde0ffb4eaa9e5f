package expect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowscope/userspace/export/internal/safetext"
)

const (
	maxValueShown  = 60
	maxLineShown   = 160
	maxFieldsShown = 12
)

// pair is a line of the output and the one of the golden file that it stands
// for; -1 is none.
type pair struct{ got, want int }

// pairs says, of two blocks of lines that have none in common, which belong
// together: those about the same thing, in order, and then by position.
func pairs(got, want [][]byte) (list []pair) {
	identities := make([]identity, len(want))
	for i, line := range want {
		identities[i] = identityOf(line)
	}
	w := 0
	for g := range got {
		at := slices.Index(identities[w:], identityOf(got[g]))
		if at < 0 && len(got)-g < len(want)-w || at < 0 && len(got) == len(want) {
			at = 0
		}
		if at < 0 || w == len(want) {
			list = append(list, pair{g, -1})
			continue
		}
		for range at {
			list = append(list, pair{-1, w})
			w++
		}
		list = append(list, pair{g, w})
		w++
	}
	for ; w < len(want); w++ {
		list = append(list, pair{-1, w})
	}
	return list
}

// identity is what tells what a line is about.
type identity struct {
	Type        string `json:"type"`
	FlowID      uint64 `json:"flow_id"`
	CommunityID string `json:"community_id"`
	Frame       uint64 `json:"frame"`
	RecordSeq   uint64 `json:"record_seq"`
}

func identityOf(line []byte) (id identity) {
	if json.Unmarshal(line, &id) != nil {
		return identity{}
	}
	return id
}

func (c *comparison) additional(number int, line []byte) {
	fmt.Fprintf(&c.text, "output line %d is not in the golden file:\n    + %s\n", number, safetext.Text(string(line), maxLineShown))
}

func (c *comparison) missing(number int, line []byte) {
	fmt.Fprintf(&c.text, "golden line %d is missing in the output:\n    - %s\n", number, safetext.Text(string(line), maxLineShown))
}

// changed shows the fields that differ, or the lines if they are no objects or
// differ in their spelling only.
func (c *comparison) changed(gotNumber, wantNumber int, got, want []byte) {
	fmt.Fprintf(&c.text, "output line %d differs from golden line %d%s:\n", gotNumber, wantNumber, about(want))
	changes := differences("", decode(got), decode(want))
	if len(changes) == 0 {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		fmt.Fprintf(&c.text, "    from column %d on\n    - %s\n    + %s\n", at+1, excerpt(want, at), excerpt(got, at))
	}
	for i, change := range changes {
		if i == maxFieldsShown {
			fmt.Fprintf(&c.text, "    ... and %d more fields\n", len(changes)-i)
			break
		}
		fmt.Fprintf(&c.text, "    %s\n", change)
	}
}

// excerpt returns a line from shortly before the column at.
func excerpt(line []byte, at int) string {
	if from := at - 20; from > 0 {
		return "..." + safetext.Text(string(line[from:]), maxLineShown-3)
	}
	return safetext.Text(string(line), maxLineShown)
}

// about says which object a line is, for people.
func about(line []byte) string {
	o := decode(line)
	if o == nil {
		return ""
	}
	words := []string{}
	for _, name := range []string{"type", "app", "src_ip", "src_port", "dst_ip", "dst_port"} {
		if v, ok := o[name]; ok {
			words = append(words, safetext.Text(fmt.Sprint(v), maxValueShown))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, " ") + ")"
}

// decode returns the fields of an object, nil if line is none. Numbers stay as
// they are spelled.
func decode(line []byte) (o map[string]any) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if d.Decode(&o) != nil {
		return nil
	}
	return o
}

// differences lists, in order, the fields in which two objects differ. It goes
// into objects, not into arrays.
func differences(prefix string, got, want map[string]any) (list []string) {
	if got == nil || want == nil {
		return nil
	}
	names := maps.Clone(got)
	maps.Copy(names, want)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		g, inGot := got[name]
		w, inWant := want[name]
		gObject, gOK := g.(map[string]any)
		wObject, wOK := w.(map[string]any)
		path := prefix + safetext.Text(name, maxValueShown)
		switch {
		case gOK && wOK:
			list = append(list, differences(path+".", gObject, wObject)...)
		case !inWant:
			list = append(list, path+": is "+show(g)+", want no such field")
		case !inGot:
			list = append(list, path+": is missing, want "+show(w))
		default:
			if a, b := compact(g), compact(w); a != b {
				list = append(list, path+": is "+shorten(a)+", want "+shorten(b))
			}
		}
	}
	return list
}

func show(v any) string { return shorten(compact(v)) }

func shorten(s string) string { return safetext.Text(s, maxValueShown) }

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
