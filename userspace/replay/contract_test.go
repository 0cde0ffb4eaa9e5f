package replay

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/google/gopacket/pcapgo"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

func TestContract(t *testing.T) {
	ps := packets(500)
	pcap := makePcap(binary.LittleEndian, magicMicro, ps...)
	paths := []string{
		file(t, "pcap", pcap),
		file(t, "pcapng", makePcapng(binary.BigEndian, ps...)),
		file(t, "gzip", gzipped1(pcap)),
		file(t, "zstd", zstandard1(pcap)),
		file(t, "cut", pcap[:len(pcap)-3]),
	}
	must := func(s *Source, err error) sensor.Source {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, open := range map[string]func() sensor.Source{
		"files":        func() sensor.Source { return must(Open(Options{}, paths...)) },
		"stable files": func() sensor.Source { return must(Open(Options{Stable: true}, paths...)) },
		"reader":       func() sensor.Source { return must(NewReader(Options{}, "pcap", bytes.NewReader(pcap))) },
		"pipe": func() sensor.Source {
			r, w := io.Pipe()
			go func() { w.Write(pcap); w.Close() }()
			return must(NewReader(Options{}, "pipe", r))
		},
		"gopacket": func() sensor.Source {
			r, err := pcapgo.NewReader(bytes.NewReader(pcap))
			if err != nil {
				t.Fatal(err)
			}
			return FromPacketSource(Options{}, r, LinkType(r.LinkType()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if n := sensortest.Source(t, open)[sensor.Packet]; n < len(ps) {
				t.Errorf("%d packets, want at least %d", n, len(ps))
			}
		})
	}
}
