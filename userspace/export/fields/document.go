package fields

import (
	"bytes"
	_ "embed" // of intro
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed intro.md
var intro string

// Markdown returns the documentation of the JSON lines.
func Markdown() string {
	var b strings.Builder
	b.WriteString("<!-- Generated from userspace/export/fields; change it there. -->\n\n")
	b.WriteString(intro)
	for _, o := range Objects {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s.\n\n| field | type | unit | present | meaning |\n|---|---|---|---|---|\n",
			o.Name, strings.ToUpper(o.Doc[:1])+o.Doc[1:])
		for _, f := range Table {
			if f.In&o.Object != 0 {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Type, f.Unit, orElse(f.When, "always"), f.Doc)
			}
		}
	}
	b.WriteString(mappingIntro)
	for _, f := range Table {
		if f.EVE != "" || f.Zeek != "" || f.IPFIX != "" || f.OTel != "" {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, orElse(f.EVE, "–"), orElse(f.Zeek, "–"), orElse(f.IPFIX, "–"), orElse(f.OTel, "–"))
		}
	}
	return b.String()
}

const mappingIntro = `
## What other formats call it

Suricata's EVE, Zeek's conn.log, IPFIX information elements by number (29305/ is
the reverse direction of RFC 5103), and the attributes of OpenTelemetry's netflow
receiver. Fields that none of them has are left out. Collectors of IPFIX expect
the deltas (1, 2), which for a flow with a single record are its totals.

| field | EVE | Zeek | IPFIX | OTel |
|---|---|---|---|---|
`

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// JSONSchema returns a JSON Schema (draft 2020-12) of one line. It allows
// fields that it does not know, as the version rule asks of readers.
func JSONSchema() []byte {
	type object = map[string]any
	var variants []object
	for _, o := range Objects {
		properties := object{}
		required := []string{}
		for _, f := range Table {
			if f.In&o.Object == 0 || strings.HasPrefix(f.Name, "<") {
				continue
			}
			properties[f.Name] = property(f, o.Name)
			if f.When == "" {
				required = append(required, f.Name)
			}
		}
		variants = append(variants, object{"title": o.Name, "description": o.Doc, "type": "object", "properties": properties, "required": required})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     fmt.Sprintf("flowscope-v%d.schema.json", Version),
		"title":   "a line of flowscope's JSON output",
		"oneOf":   variants,
	})
	if err != nil {
		panic(err) // maps of strings can be encoded
	}
	return b.Bytes()
}

// property returns the schema of one field.
func property(f Field, object string) map[string]any {
	p := map[string]any{"description": f.Doc}
	if f.Unit != "" {
		p["description"] = f.Doc + " [" + f.Unit + "]"
	}
	switch {
	case f.Name == "type":
		p["const"] = object
	case f.Name == "v":
		p["const"] = Version
	case f.Type == Integers:
		p["type"], p["items"] = "array", map[string]any{"type": "integer"}
	case f.Type == Strings:
		p["type"], p["items"] = "array", map[string]any{"type": "string"}
	case f.Unit == "RFC 3339, ns, UTC":
		p["type"], p["format"] = "string", "date-time"
	default:
		p["type"] = string(f.Type)
	}
	return p
}
