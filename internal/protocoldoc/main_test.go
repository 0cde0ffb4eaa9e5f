package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/sensor/sensortest"
	"flowscope/userspace/export/jsonl"
)

// TestUpToDate makes the pages anew.
func TestUpToDate(t *testing.T) {
	pages, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not up to date: go generate ./internal/protocoldoc", name)
		}
	}
}

// TestVocabulary holds the fields of all messages to vocabulary.md: by their names
// they are of one type, and none has a name that another field has for the same.
func TestVocabulary(t *testing.T) {
	types := map[string]string{
		"rtt": "seconds", "duration": "seconds", "sent": "time", "missing": "integer", "code": "integer", "reason": "string",
		"text": "string", "pairing": "string", "repeated": "boolean", "unsolicited": "boolean", "truncated": "boolean",
		"incomplete": "boolean", "partial": "boolean", "malformed": "boolean", "ambiguous": "boolean",
	}
	instead := map[string]string{
		"cut": "truncated", "size": "bytes", "message": "text", "description": "reason or text", "error_text": "text",
		"response_time": "rtt", "elapsed_ms": "duration",
	}
	exceptions := map[string]string{
		"dns.Option.code":      "the option is named by what DNS calls its code",
		"postgres.Fault.code":  "SQLSTATE has letters",
		"postgres.Notice.code": "SQLSTATE has letters",
	}
	for _, dir := range packages() {
		p, err := read("../..", filepath.Join("parsers", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range append(slices.Clone(p.messages), p.parts...) {
			for _, f := range o.fields {
				name := p.title() + "." + o.name + "." + f.name
				if better, ok := instead[f.name]; ok {
					t.Errorf("%s: other protocols call that %s", name, better)
				}
				if want, ok := types[f.name]; ok && f.typ != want && exceptions[name] == "" {
					t.Errorf("%s is of the type %s, want %s", name, f.typ, want)
				}
				if strings.HasSuffix(f.name, "_addr") && f.typ != "address" || (f.name == "bytes" || strings.HasSuffix(f.name, "_bytes")) && f.typ != "integer" {
					t.Errorf("%s is of the type %s", name, f.typ)
				}
			}
		}
	}
}

// TestComplete wants of each protocol what a reader looks for.
func TestComplete(t *testing.T) {
	for _, dir := range packages() {
		p, err := read("../..", filepath.Join("parsers", dir))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.messages) == 0 || len(p.sections) < 2 || p.synopsis == "" {
			t.Errorf("%s: %d messages, %d sections, %q: a package comment has what is emitted and the limits, a message a Headline",
				dir, len(p.messages), len(p.sections), p.synopsis)
		}
		if !slices.ContainsFunc(p.tests, func(s string) bool { return strings.HasPrefix(s, "`Fuzz") }) {
			t.Errorf("%s: no fuzz target", dir)
		}
	}
}

// TestSchema plays all transcripts and holds the JSON of each message against
// the schema: no field that it does not have, none missing that it requires.
func TestSchema(t *testing.T) {
	b, err := os.ReadFile("../../docs/outputs/messages-v1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range parsers.All {
		files, _ := filepath.Glob(filepath.Join("../../parsers", folder(p.Name), "testdata", "*.transcript"))
		for _, file := range files {
			tr := sensortest.Load(t, file)
			if tr.Datagram != (p.NewDatagram != nil) {
				continue
			}
			for _, m := range messages(&p, tr) {
				message := encode(t, p.Name, m)
				v := validator{defs: s["$defs"].(map[string]any)}
				if err := v.check(s["properties"].(map[string]any)[p.Name], message, p.Name); err != nil {
					t.Errorf("%s: %v\n%v", file, err, message)
				}
				seen[folder(p.Name)] = true
			}
		}
	}
	for _, dir := range packages() {
		if !seen[dir] {
			t.Errorf("%s: no transcript has a message", dir)
		}
	}
}

// messages plays the steps of a transcript as they stand.
func messages(p *sensor.Protocol, tr *sensortest.Transcript) (all [][]byte) {
	sink := &bytes.Buffer{}
	out := jsonl.New(sink, jsonl.Options{})
	flow := &sensor.Flow{}
	emit := func(m sensor.Message) {
		sink.Reset()
		_ = out.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: flow, App: p.Name, Msg: m})
		_ = out.Flush()
		all = append(all, bytes.Clone(sink.Bytes()))
	}
	if p.NewDatagram != nil {
		parser := p.NewDatagram()
		for _, step := range tr.Steps {
			_ = parser.Parse(sensor.Segment{Side: step.Side, Time: step.Time, Data: step.Data, Missing: step.Missing}, emit)
		}
		return all
	}
	parser := p.NewStream()
	var rest [2][]byte
	var skip [2]int
	for _, step := range tr.Steps {
		if step.Gap > 0 {
			return all
		}
		rest[step.Side] = append(rest[step.Side], step.Data...)
		n := min(skip[step.Side], len(rest[step.Side]))
		rest[step.Side], skip[step.Side] = rest[step.Side][n:], skip[step.Side]-n
		for first := true; first || len(rest[step.Side]) > 0; first = false {
			n, err := parser.Parse(sensor.Segment{Side: step.Side, Time: step.Time, Data: rest[step.Side], EOF: step.EOF, Aborted: step.Aborted}, emit)
			if err != nil {
				return all
			}
			used := min(n, len(rest[step.Side]))
			rest[step.Side], skip[step.Side] = rest[step.Side][used:], n-used
			if n == 0 {
				break
			}
		}
	}
	return all
}

// encode returns the object of a message as a reader of the output gets it.
func encode(t *testing.T, app string, line []byte) any {
	t.Helper()
	var l map[string]any
	if err := json.Unmarshal(line, &l); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if l[app] == nil {
		t.Fatalf("no object %q in %s", app, line)
	}
	return l[app]
}

// validator knows as much of JSON Schema as the pages use.
type validator struct{ defs map[string]any }

func (v *validator) check(s, value any, path string) error {
	sch := s.(map[string]any)
	if ref, ok := sch["$ref"].(string); ok {
		return v.check(v.defs[strings.TrimPrefix(ref, "#/$defs/")], value, path)
	}
	if list, ok := sch["anyOf"].([]any); ok {
		var errs []string
		for _, one := range list {
			err := v.check(one, value, path)
			if err == nil {
				return nil
			}
			errs = append(errs, err.Error())
		}
		return fmt.Errorf("none of the messages:\n  %s", strings.Join(errs, "\n  "))
	}
	if value == nil {
		return nil // as jsonl.md says
	}
	ok := true
	switch sch["type"] {
	case "object":
		object, is := value.(map[string]any)
		if !is {
			return fmt.Errorf("%s: %v is no object", path, value)
		}
		properties := sch["properties"].(map[string]any)
		for name, inner := range object {
			if properties[name] == nil {
				return fmt.Errorf("%s.%s is not in the schema", path, name)
			}
			if err := v.check(properties[name], inner, path+"."+name); err != nil {
				return err
			}
		}
		for _, name := range sch["required"].([]any) {
			if _, there := object[name.(string)]; !there {
				return fmt.Errorf("%s.%s is missing", path, name)
			}
		}
	case "array":
		list, is := value.([]any)
		if !is {
			return fmt.Errorf("%s: %v is no array", path, value)
		}
		for _, inner := range list {
			if err := v.check(sch["items"], inner, path); err != nil {
				return err
			}
		}
	case "string":
		_, ok = value.(string)
	case "boolean":
		_, ok = value.(bool)
	case "number":
		_, ok = value.(float64)
	case "integer":
		f, is := value.(float64)
		ok = is && f == float64(int64(f))
	}
	if !ok {
		return fmt.Errorf("%s: %v is no %v", path, value, sch["type"])
	}
	return nil
}
