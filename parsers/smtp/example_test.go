package smtp_test

import (
	"bytes"
	"fmt"
	"log"

	"flowscope/parsers/smtp"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// The mail that passed. A capture is made on the spot; for captures in files there
// is replay.Open.
func Example() {
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:25").Open()
	for _, x := range [][2]string{
		{"EHLO client.example\r\n", "250-mx.example\r\n250 PIPELINING\r\n"},
		{"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n", "250 ok\r\n250 ok\r\n354 go ahead\r\n"},
		{"Subject: Hi\r\n\r\nHello!\r\n.\r\n", "250 queued\r\n"},
	} {
		if x[0][0] == 'E' {
			t.Send(build.Rev, []byte("220 mx.example ESMTP\r\n"))
		}
		t.Send(build.Fwd, []byte(x[0])).Send(build.Rev, []byte(x[1]))
	}
	t.Close(build.Fwd)
	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(c.File(build.Format{})))
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*smtp.Mail](src, smtp.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Msg.Headline())
	}
	// Output:
	// <alice@example.org> to <bob@example.com> 23 bytes 250
}
