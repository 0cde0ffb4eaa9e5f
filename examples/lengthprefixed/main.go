// Command lengthprefixed prints an arrow and a byte count for each
// length-prefixed record of a capture.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"flowscope/parsers/lengthprefixed"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

func main() {
	if err := show(os.Stdout, os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
}

func show(w io.Writer, captures ...string) error {
	src, err := replay.Open(replay.Options{}, captures...)
	if err != nil {
		return err
	}
	defer src.Close()
	for ev, err := range engine.Events(src, lengthprefixed.Protocol()) {
		if err != nil {
			return err
		}
		if record, ok := ev.Msg.(*lengthprefixed.Record); ok {
			fmt.Fprintln(w, [...]string{"->", "<-"}[ev.Side], record.Length)
		}
	}
	return nil
}
