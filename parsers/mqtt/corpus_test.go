package mqtt

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestAgainstTshark compares the packets of the optional corpus with what tshark
// says of them. PINGREQ has no message of its own.
func TestAgainstTshark(t *testing.T) {
	path := testenv.Corpus(t, "app", "suri_mqtt311-pub-qos2.pcap")
	want := testenv.Tshark(t, path, "mqtt", []string{"mqtt.msgtype", "mqtt.clientid", "mqtt.topic", "mqtt.msgid", "mqtt.conack.val"})
	var got [][]string
	row := func(kind byte, id, topic []byte, packet uint16, code string) {
		number := ""
		if packet != 0 {
			number = strconv.Itoa(int(packet))
		}
		got = append(got, []string{strconv.Itoa(int(kind)), string(id), string(topic), number, code})
	}
	acks := map[string]byte{KindPuback: typePuback, KindPubrec: typePubrec, KindPubrel: typePubrel, KindPubcomp: typePubcomp}
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == sensor.FlowError {
			t.Errorf("%v", ev.Err)
		}
		switch m := ev.Msg.(type) {
		case *Connect:
			row(typeConnect, m.ClientID, nil, 0, "")
		case *Connack:
			row(typeConnack, nil, nil, 0, strconv.Itoa(int(m.Code)))
		case *Publish:
			row(typePublish, nil, m.Topic, m.PacketID, "")
		case *Ack:
			if m.Pairing != "" {
				t.Errorf("%s %d: pairing %s", m.Kind, m.PacketID, m.Pairing)
			}
			row(acks[m.Kind], nil, nil, m.PacketID, "")
		case *Disconnect:
			row(typeDisconnect, nil, nil, 0, "")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-tshark +parser):\n%s", diff)
	}
}
