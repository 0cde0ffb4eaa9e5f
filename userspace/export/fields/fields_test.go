package fields

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated documentation anew")

func TestGeneratedDocumentationIsCurrent(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "docs", "outputs")
	for name, want := range map[string]string{
		"jsonl.md": Markdown(),
		fmt.Sprintf("flowscope-v%d.schema.json", Version): string(JSONSchema()),
	} {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what the table says; run go generate here (-want +got):\n%s", path, diff)
		}
	}
}

func TestTable(t *testing.T) {
	types := map[Type]bool{String: true, Integer: true, Number: true, Boolean: true, Integers: true, Strings: true, Any: true}
	seen := map[string]Object{}
	for _, f := range Table {
		if f.In == 0 || f.Doc == "" || !types[f.Type] {
			t.Errorf("%s: objects %v, type %q, doc %q", f.Name, f.In, f.Type, f.Doc)
		}
		if seen[f.Name]&f.In != 0 {
			t.Errorf("%s is twice in the same object", f.Name)
		}
		seen[f.Name] |= f.In
		if strings.ContainsAny(f.Doc+f.When+f.Unit+f.EVE+f.Zeek+f.IPFIX+f.OTel, "|\n") {
			t.Errorf("%s: a cell breaks the table", f.Name)
		}
		if f.Type == Integer && strings.Contains(f.Name, "bytes") && f.Unit != "bytes" {
			t.Errorf("%s has the unit %q", f.Name, f.Unit)
		}
	}
	if !json.Valid(JSONSchema()) {
		t.Error("the schema is no JSON")
	}
	for _, o := range Objects {
		if OfType(o.Name) != o.Object {
			t.Errorf("OfType(%q) = %v, want %v", o.Name, OfType(o.Name), o.Object)
		}
	}
	if OfType("no such type") != 0 {
		t.Error("OfType finds what is not there")
	}
}

func ExampleLookup() {
	f, _ := Lookup(Flow, "bytes_fwd")
	fmt.Println(f.Unit, f.Zeek)
	// Output: bytes orig_ip_bytes
}
