// Command generate writes the captures of testdata, the truth about each and
// the README. Its output depends on nothing but its source.
//
//	go run ./testdata/generate [DIRECTORY]
package main

import (
	"log"
	"os"
	"path/filepath"

	"flowscope/testdata/captures"
)

func main() {
	log.SetFlags(0)
	dir := "testdata"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			log.Fatal(err)
		}
	}
	for _, c := range captures.All() {
		file, truth := c.Write()
		write(c.File, file)
		write(c.Name()+".truth.json", truth)
	}
	write("README.md", captures.README())
}
