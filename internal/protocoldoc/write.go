package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

const intro = `<!-- Generated from the parsers by internal/protocoldoc; change the comments there. -->

# Protocols

What each parser decodes, and what its messages have in the JSON output, in an object that is called like the protocol
([outputs/jsonl.md](outputs/jsonl.md) has the fields around it; [messages-v1.schema.json](outputs/messages-v1.schema.json) is this page as a
JSON Schema). ` + "`sensor protocols`" + ` lists them, ` + "`--protocols`" + ` chooses. [write-a-parser.md](write-a-parser.md) is how to add one.

A protocol is found by what is said, on any port; ports say who is asked first. What none recognises is counted and not parsed.

`

// vocabulary says what the names of fields mean, all protocols alike.
//
//go:embed vocabulary.md
var vocabulary string

const table = `| protocol | found on | messages | RFC |
|---|---|---|---|
`

func writePage(w *bytes.Buffer, protocols []*protocol) {
	w.WriteString(intro + vocabulary + table)
	for _, p := range protocols {
		var messages []string
		for _, m := range p.messages {
			messages = append(messages, m.name)
		}
		fmt.Fprintf(w, "| [%s](#%s) | %s | %s | %s |\n", strings.Join(p.names, ", "), p.title(),
			strings.Join(p.found, "; "), strings.Join(messages, ", "), strings.Join(p.rfcs, ", "))
	}
	for _, p := range protocols {
		fmt.Fprintf(w, "\n## %s\n\n%s\n", p.title(), p.synopsis)
		for _, s := range p.sections {
			fmt.Fprintf(w, "\n### %s: %s\n\n%s\n", p.title(), lowerFirst(s.heading), s.text)
		}
		for _, o := range p.messages {
			writeObject(w, p, o, "Message")
		}
		for _, o := range p.parts {
			writeObject(w, p, o, "Part")
		}
		fmt.Fprintf(w, "\n### %s: tests\n\n%s, in `%s`.\n", p.title(), strings.Join(p.tests, ", "), p.dir)
	}
}

// title is the name of the package.
func (p *protocol) title() string { return p.dir[strings.LastIndexByte(p.dir, '/')+1:] }

func writeObject(w *bytes.Buffer, p *protocol, o *object, what string) {
	fmt.Fprintf(w, "\n### %s: %s `%s`\n\n%s\n\n| field | type | always | meaning |\n|---|---|---|---|\n", p.title(), strings.ToLower(what), o.name, o.doc)
	for _, f := range o.fields {
		always := "yes"
		if f.optional {
			always = ""
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", f.name, f.typ, always, strings.ReplaceAll(f.doc, "|", `\|`))
	}
}

// lowerFirst is a heading within another, unless it begins with a name.
func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

type schema = map[string]any

// writeSchema returns the JSON Schema of the messages: an object with one of the
// messages of each protocol, under its name.
func writeSchema(protocols []*protocol) ([]byte, error) {
	definitions, properties := schema{}, schema{}
	for _, p := range protocols {
		var variants []schema
		for _, o := range append(append([]*object(nil), p.messages...), p.parts...) {
			definitions[p.title()+"."+o.name] = p.schemaOf(o)
		}
		for _, o := range p.messages {
			variants = append(variants, schema{"$ref": "#/$defs/" + p.title() + "." + o.name})
		}
		for _, name := range p.names {
			properties[name] = schema{"anyOf": variants}
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(schema{
		"$schema":    "https://json-schema.org/draft/2020-12/schema",
		"$id":        "messages-v1.schema.json",
		"title":      "the messages of flowscope's JSON output, by protocol",
		"type":       "object",
		"properties": properties,
		"$defs":      definitions,
	})
	return b.Bytes(), err
}

// schemaOf returns the schema of a struct. It allows fields that it does not
// know.
func (p *protocol) schemaOf(o *object) schema {
	properties := schema{}
	required := []string{}
	for _, f := range o.fields {
		one := schema{}
		switch base := strings.TrimPrefix(f.typ, "array of "); base {
		case "string", "boolean", "number", "integer":
			one["type"] = base
		case "seconds":
			one["type"] = "number"
		case "time", "address":
			one["type"] = "string"
		default:
			if f.ref != "" {
				one["$ref"] = "#/$defs/" + p.title() + "." + f.ref
			}
		}
		if f.array {
			one = schema{"type": "array", "items": one}
		}
		if f.doc != "" {
			one["description"] = f.doc
		}
		properties[f.name] = one
		if !f.optional {
			required = append(required, f.name)
		}
	}
	return schema{"description": o.doc, "type": "object", "properties": properties, "required": required}
}
