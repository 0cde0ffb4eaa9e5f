package memo

import (
	"os"
	"regexp"
	"testing"
)

// block is a piece of a file in docs/write-a-parser.md: a comment that names the
// file, then the fenced text.
var block = regexp.MustCompile("(?s)<!-- (examples/memo/\\S+) -->\n```\\w*\n(.*?)```\n")

// TestPage holds the blocks of the page to the files that are compiled and
// tested: those of one file, one after the other, are that file.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/write-a-parser.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, m := range block.FindAllSubmatch(page, -1) {
		files[string(m[1])] += string(m[2])
	}
	for _, want := range []string{"memo.go", "memo_test.go", "testdata/simple.transcript", "example_test.go"} {
		if files["examples/memo/"+want] == "" {
			t.Errorf("the page does not show examples/memo/%s", want)
		}
	}
	for name, text := range files {
		file, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		if string(file) != text {
			t.Errorf("the page's %s differs from the file; it is\n%s", name, text)
		}
	}
}
