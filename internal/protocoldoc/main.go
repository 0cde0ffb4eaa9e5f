// Command protocoldoc writes docs/protocols.md and the JSON Schema of messages
// from the source of the parsers: their package comments, the types that they
// emit, and their tests. It is not godoc: it shows what a reader of the output
// wants to know.
//
//go:generate go run . ../..
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"flowscope/parsers"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: protocoldoc ROOT")
	}
	pages, err := generate(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range pages {
		if err := os.WriteFile(filepath.Join(os.Args[1], "docs", name), content, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns the pages, by their names below docs.
func generate(root string) (map[string][]byte, error) {
	var protocols []*protocol
	for _, dir := range packages() {
		p, err := read(root, filepath.Join("parsers", dir))
		if err != nil {
			return nil, fmt.Errorf("parsers/%s: %w", dir, err)
		}
		protocols = append(protocols, p)
	}
	var page bytes.Buffer
	writePage(&page, protocols)
	schema, err := writeSchema(protocols)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"protocols.md": page.Bytes(), "outputs/messages-v1.schema.json": schema}, nil
}

// packages returns the folders of the protocols of parsers.All, in its order.
func packages() (dirs []string) {
	for _, p := range parsers.All {
		if dir := folder(p.Name); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// folder returns the folder of a protocol that has a name of its own within the
// package of another.
func folder(name string) string {
	switch name {
	case "mdns", "llmnr":
		return "dns"
	}
	return name
}
