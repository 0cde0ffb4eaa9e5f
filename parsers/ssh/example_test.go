package ssh_test

import (
	"bytes"
	"fmt"
	"log"

	"flowscope/parsers/ssh"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// Who speaks SSH on port 443: a capture is made on the spot. For captures in
// files there is replay.Open.
func Example() {
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:443").Open()
	t.Send(build.Rev, []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n"))
	t.Send(build.Fwd, []byte("SSH-2.0-Go\r\n"))
	t.Close(build.Fwd)
	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(c.File(build.Format{})))
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*ssh.Banner](src, ssh.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s %s\n", m.Side, m.Msg.Software, m.Msg.Comments)
	}
	// Output:
	// responder OpenSSH_9.2p1 Debian-2+deb12u10
	// initiator Go
}
