package replay

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/gopacket"
)

// stdinName is what standard input is called in errors.
const stdinName = "standard input"

// input is something to read, in the order of reading.
type input struct {
	name    string
	size    int64 // 0 if unknown
	regular bool
	listed  bool // found in a directory, where other files may lie too

	stdin   bool
	reader  io.Reader                 // of NewReader
	packets gopacket.PacketDataSource // of FromPacketSource
}

// inputs expands the paths given to Open.
func inputs(paths []string) ([]input, error) {
	if len(paths) == 0 {
		return nil, errors.New("no capture file given")
	}
	var all []input
	stdin := false
	for _, path := range paths {
		if path == "-" {
			if stdin {
				return nil, errors.New("standard input can be read only once")
			}
			stdin = true
			in, err := standardInput()
			if err != nil {
				return nil, err
			}
			all = append(all, in)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			all = append(all, fileInput(path, info))
			continue
		}
		files, err := directory(path)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}

func fileInput(path string, info fs.FileInfo) input {
	in := input{name: path, regular: info.Mode().IsRegular()}
	if in.regular {
		in.size = info.Size()
	}
	return in
}

// standardInput looks at what standard input is: a file that has not been read
// from can be mapped like any other.
func standardInput() (input, error) {
	in := input{name: stdinName, stdin: true}
	info, err := os.Stdin.Stat()
	if err != nil {
		return in, fmt.Errorf("standard input: %w", err)
	}
	if isTerminal(os.Stdin) {
		return in, errors.New("standard input is a terminal: pipe a capture into it, or name a file")
	}
	if info.Mode().IsRegular() {
		if at, err := os.Stdin.Seek(0, io.SeekCurrent); err == nil && at == 0 {
			in.regular, in.size = true, info.Size()
		}
	}
	return in, nil
}

// directory lists the regular files of a directory in lexical order, without
// those that begin with a dot and without those in directories below.
func directory(dir string) ([]input, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []input
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // through symbolic links
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		in := fileInput(path, info)
		in.listed = true
		files = append(files, in)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no files in this directory", dir)
	}
	return files, nil
}

// total returns the bytes of all inputs, 0 if one is unknown.
func total(all []input) int64 {
	var n int64
	for i := range all {
		if !all[i].regular {
			return 0
		}
		n += all[i].size
	}
	return n
}
