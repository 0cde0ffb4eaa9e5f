package smtp

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/parsers/http"
	"flowscope/parsers/tls"
	"flowscope/sensor"
	"flowscope/sensor/sensortest"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// read hands each message of a capture to see.
func read(t *testing.T, src sensor.Source, see func(ev *sensor.Event), protocols ...sensor.Protocol) {
	t.Helper()
	defer src.Close()
	for ev, err := range engine.Events(src, protocols...) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Kind {
		case sensor.FlowMessage:
			see(ev)
		case sensor.FlowError:
			t.Error(ev.App, ev.Err)
		}
	}
}

func openFile(t *testing.T, path string) sensor.Source {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestAgainstTshark compares the verbs and the codes of replies. tshark has the
// first four letters of a verb, and 334, of which the parser tells nothing.
func TestAgainstTshark(t *testing.T) {
	for _, name := range []string{"app/zeek_smtp.pcap", "app/arkime_smtp-starttls.pcap", "flow/ipx_smtp.pcap"} {
		dir, file := filepath.Split(name)
		path := filepath.Join(testenv.Corpus(t, filepath.Clean(dir)), file)
		t.Run(file, func(t *testing.T) {
			src := openFile(t, path)
			var want, got []string
			for _, row := range testenv.Tshark(t, path, "smtp && !tcp.analysis.retransmission", []string{"smtp.req.command", "smtp.response.code"}, "-E", "aggregator= ") {
				want = append(want, strings.Fields(strings.Join(row, " "))...)
			}
			read(t, src, func(ev *sensor.Event) {
				switch m := ev.Msg.(type) {
				case *Greeting:
					got = append(got, fmt.Sprint(m.Status.Status))
				case *Command:
					if m.Pairing != "" {
						t.Errorf("%s: %s", m.Headline(), m.Pairing)
					}
					got = append(got, m.Verb[:min(len(m.Verb), 4)], fmt.Sprint(m.Status.Status))
				case *Mail:
					got = append(got, fmt.Sprint(m.Status.Status))
				}
			}, Protocol(), tls.Protocol())
			want = slices.DeleteFunc(want, func(s string) bool { return s == "334" })
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-tshark +parser):\n%s", diff)
			}
		})
	}
}

// TestAgainstZeek holds the envelopes to those of Zeek's smtp.log.
func TestAgainstZeek(t *testing.T) {
	src := openFile(t, filepath.Join(testenv.Corpus(t, "app"), "zeek_smtp.pcap"))
	var got []string
	read(t, src, func(ev *sensor.Event) {
		if m, ok := ev.Msg.(*Mail); ok {
			slices.SortFunc(m.To, bytes.Compare) // as Zeek has a set
			got = append(got, fmt.Sprintf("%s %s %s %d %s", m.Helo, m.From, bytes.Join(m.To, []byte{','}), m.Status.Status, m.Text))
		}
	}, Protocol())
	want := []string{
		"GP gurpartap@patriots.in raj_deol2002in@yahoo.co.in 250 OK id=1Mugho-0003Dg-Un",
		"[192.168.133.100] albert@example.com davis_mark1@outlook.com,ericlim220@yahoo.com,felica4uu@hotmail.com 250 Ok",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-zeek +parser):\n%s", diff)
	}
}

// TestStartTLSOfCorpus looks behind STARTTLS in a capture: JA3 is that of Arkime.
func TestStartTLSOfCorpus(t *testing.T) {
	src := openFile(t, filepath.Join(testenv.Corpus(t, "app"), "arkime_smtp-starttls.pcap"))
	ja3 := ""
	read(t, src, func(ev *sensor.Event) {
		if m, ok := ev.Msg.(*tls.ClientHello); ok {
			ja3 = string(m.JA3)
		}
	}, Protocol(), tls.Protocol())
	if want := "fab507fe132c544e8a0eb7c394affeae"; ja3 != want {
		t.Errorf("JA3 is %q, want %s", ja3, want)
	}
}

// TestInsideCONNECT finds SMTP within a tunnel of HTTP.
func TestInsideCONNECT(t *testing.T) {
	src := openFile(t, filepath.Join(testenv.Corpus(t, "http"), "zeek_connect-with-smtp.pcap"))
	n := 0
	read(t, src, func(ev *sensor.Event) {
		if ev.App == "smtp" {
			n++
		}
	}, http.Protocol(), Protocol())
	if n == 0 {
		t.Error("nothing of SMTP was told")
	}
}

// TestStartTLS plays what was recorded through the engine, on a port that means
// nothing: smtp hands the stream to tls.
func TestStartTLS(t *testing.T) {
	c := build.New()
	tcp := c.TCP("10.0.0.1:40000", "10.0.0.2:9999").Open()
	for _, s := range sensortest.Load(t, "testdata/starttls.transcript").Steps {
		if len(s.Data) > 0 {
			side := build.Fwd
			if s.Side == sensor.Responder {
				side = build.Rev
			}
			tcp.Send(side, s.Data)
		}
	}
	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(c.File(build.Format{})))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	read(t, src, func(ev *sensor.Event) {
		switch m := ev.Msg.(type) {
		case *Greeting:
			got = append(got, "greeting")
		case *Command:
			got = append(got, m.Verb)
		case *tls.ClientHello:
			got = append(got, m.Kind)
		case *tls.ServerHello:
			got = append(got, m.Kind)
		}
	}, tls.Protocol(), Protocol())
	if want := []string{"greeting", "EHLO", "STARTTLS", "client_hello", "server_hello"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
