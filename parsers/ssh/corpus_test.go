package ssh

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// read replays a capture with this parser and returns what render makes of its
// messages.
func read(t *testing.T, path string, render func(sensor.Message) []string) (out []string) {
	t.Helper()
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Kind {
		case sensor.FlowMessage:
			out = append(out, render(ev.Msg)...)
		case sensor.FlowError:
			t.Error(ev.Err)
		}
	}
	return out
}

// TestAgainstTshark compares identification strings, lists and fingerprints.
func TestAgainstTshark(t *testing.T) {
	for _, name := range []string{"app/suri_ssh-hassh.pcap", "app/zeek_ssh_kex_curve25519.pcap", "tcp/zeek_ssh-dups.pcap", "encap/arkime_gre-sample.pcap"} {
		dir, file := filepath.Split(name)
		path := filepath.Join(testenv.Corpus(t, filepath.Clean(dir)), file)
		t.Run(file, func(t *testing.T) {
			if _, err := os.Stat(path); err != nil {
				t.Skip(err)
			}
			fields := []string{"ssh.protocol", "ssh.kex_algorithms", "ssh.server_host_key_algorithms", "ssh.encryption_algorithms_client_to_server",
				"ssh.encryption_algorithms_server_to_client", "ssh.mac_algorithms_client_to_server", "ssh.mac_algorithms_server_to_client",
				"ssh.compression_algorithms_client_to_server", "ssh.compression_algorithms_server_to_client", "ssh.kex.hassh", "ssh.kex.hasshserver"}
			var want []string
			for _, row := range testenv.Tshark(t, path, "ssh && !tcp.analysis.retransmission", fields, "-E", "aggregator=|") {
				for i, values := range row {
					if values != "" {
						for _, v := range strings.Split(values, "|") {
							want = append(want, fields[i]+" "+v)
						}
					}
				}
			}
			got := read(t, path, func(m sensor.Message) (out []string) {
				switch m := m.(type) {
				case *Banner:
					text := "SSH-" + string(m.Version) + "-" + string(m.Software)
					if len(m.Comments) > 0 {
						text += " " + string(m.Comments)
					}
					out = append(out, fields[0]+" "+text)
				case *KeyExchange:
					for i, l := range m.lists() {
						if text := joined(*l); i < languageToServer && text != "" {
							out = append(out, fields[1+i]+" "+text)
						}
					}
					field := "ssh.kex.hassh"
					if m.Role == RoleServer {
						field = "ssh.kex.hasshserver"
					}
					out = append(out, field+" "+string(m.HASSH))
				}
				return out
			})
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-tshark +parser):\n%s", diff)
			}
		})
	}
}

func joined(list [][]byte) string {
	var text []string
	for _, b := range list {
		text = append(text, string(b))
	}
	return strings.Join(text, ",")
}

// TestAgainstOthers holds what Zeek and Suricata say of captures. Of a MAC that
// the cipher makes unused Zeek has the name.
func TestAgainstOthers(t *testing.T) {
	app := testenv.Corpus(t, "app")
	handshakes := func(m sensor.Message) []string {
		if m, ok := m.(*Handshake); ok {
			return []string{strings.Join([]string{string(m.Client), string(m.Server), string(m.CipherToServer), string(m.MACToServer),
				string(m.CompressionToServer), string(m.Kex), string(m.HostKey), string(m.HASSH), string(m.HASSHServer)}, " ")}
		}
		return nil
	}
	for name, want := range map[string]string{
		"zeek_ssh_kex_curve25519.pcap": "SSH-2.0-OpenSSH_7.4 SSH-2.0-OpenSSH_7.5 chacha20-poly1305@openssh.com implicit none curve25519-sha256 ssh-ed25519-cert-v01@openssh.com ",
		"suri_ssh-hassh.pcap":          "2dd6531c7e89d3c925db9214711be76a 6832f1ce43d4397c2c0a3e2f8c94334e",
	} {
		if got := read(t, filepath.Join(app, name), handshakes); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
