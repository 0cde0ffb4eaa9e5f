package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowscope/internal/testenv"
)

// conversation is a server and its clients, and what the sensor must say of them.
type conversation struct {
	name  string
	tools []string
	run   func(*testing.T, *lab)
	app   string // of the flows to port
	port  int
	says  []string // in the messages of one of them
}

const bigBody = 6 << 20

var conversations = []conversation{
	{"http", []string{"nginx", "curl"}, sayHTTP, "http", 8080, []string{`"target":"/index.html"`, `"chunked":true`, `"method":"HEAD"`, fmt.Sprintf(`"body_bytes":%d`, bigBody)}},
	{"http2", []string{"nginx", "curl"}, sayHTTP2, "http2", 8082, []string{"/index.html", "/moved"}},
	{"tls12", []string{"openssl"}, func(t *testing.T, l *lab) { sayTLS(t, l, "8443", "-tls1_2") }, "tls", 8443, []string{`"sni":"shop.example"`, `"certificate`}},
	{"tls13", []string{"openssl"}, func(t *testing.T, l *lab) { sayTLS(t, l, "8444", "-tls1_3") }, "tls", 8444, []string{`"sni":"shop.example"`}},
	{"dns", []string{"dnsmasq", "dig"}, sayDNS, "dns", 53, []string{"www.example.test", "192.0.2.80", "2001:db8::80"}},
	{"redis", []string{"redis-server", "redis-cli"}, sayRedis, "redis", 6379, []string{`SET`, `GET`}},
	{"mqtt", []string{"mosquitto", "mosquitto_pub", "mosquitto_sub"}, sayMQTT, "mqtt", 1883, []string{"lab/door"}},
	{"ssh", []string{"sshd", "ssh", "ssh-keygen"}, saySSH, "ssh", 2222, []string{"OpenSSH"}},
	{"smtp", []string{"aiosmtpd", "curl"}, saySMTP, "smtp", 2525, []string{"alice@example.org"}},
	{"iperf3", []string{"iperf3"}, sayIperf, "", 5201, nil},
	{"dhcp", []string{"dnsmasq", "busybox"}, sayDHCP, "dhcp", 67, nil},
	{"ntp", []string{"chronyd"}, sayNTP, "ntp", 123, nil},
	{"icmp", []string{"busybox"}, func(t *testing.T, l *lab) { l.say(t, "busybox", "ping", "-c", "2", "-s", "200", serverIP) }, "", 0, nil},
	{"postgres", nil, sayPostgres, "postgres", 5432, []string{"SELECT"}},
}

// TestPrograms lets real programs talk over a cable: the sensor that watches it
// recognises each, loses nothing, copies little, and says what a replay of
// tcpdump's capture says.
func TestPrograms(t *testing.T) {
	l := newLab(t, false)
	w := l.watch(t, "programs", "--workers", "2")
	said := map[string]bool{}
	t.Run("say", func(t *testing.T) {
		for _, c := range conversations {
			t.Run(c.name, func(t *testing.T) {
				for _, tool := range c.tools {
					testenv.Need(t, tool)
				}
				c.run(t, l)
				said[c.name] = true
			})
		}
	})
	live, replayed := w.stop(t)
	for _, c := range conversations {
		if said[c.name] && c.port > 0 {
			t.Run("seen/"+c.name, func(t *testing.T) { c.seen(t, live) })
		}
	}
	t.Run("same", func(t *testing.T) { sameTranscript(t, live, replayed) })
	t.Run("books", func(t *testing.T) { checkBooks(t, live, replayed) })
}

// TestProgramsOffloaded is the same with super-packets, as hosts have them: what is
// said, and the payload, are those of the capture.
func TestProgramsOffloaded(t *testing.T) {
	l := newLab(t, true)
	for _, tool := range []string{"nginx", "curl", "redis-server", "redis-cli", "iperf3"} {
		testenv.Need(t, tool)
	}
	w := l.watch(t, "offloaded")
	sayHTTP(t, l)
	sayRedis(t, l)
	sayIperf(t, l)
	live, replayed := w.stop(t)
	for _, o := range []*transcript{live, replayed} {
		for _, fl := range o.flows {
			fl.record = withoutFields(fl.record, "pkts_fwd", "pkts_rev", "bytes_fwd", "bytes_rev", "frame_bytes_fwd", "frame_bytes_rev")
		}
	}
	sameTranscript(t, live, replayed)
	checkBooks(t, live, replayed)
	if n, m := live.ledger["frames"].Total, replayed.ledger["frames"].Total; n <= m {
		t.Errorf("%d frames on the wire, %d in the capture: want more", n, m)
	}
}

// TestProgramsKeepAlive: a connection says more than the budget of each of its
// directions, and a body many times as long. All messages are there, and of the
// bodies little was copied.
func TestProgramsKeepAlive(t *testing.T) {
	l := newLab(t, false)
	testenv.Need(t, "nginx")
	testenv.Need(t, "curl")
	l.nginx(t)
	w := l.watch(t, "keepalive")
	l.distance(t)
	url := "http://" + serverIP + ":8080"
	l.say(t, "curl", "-sS", "--limit-rate", "4M", "-o", "/dev/null", url+"/index.html?[1-2000]",
		"-o", "/dev/null", url+"/big?[1-3]", "-o", "/dev/null", url+"/index.html?[2001-2500]")
	live, replayed := w.stop(t)
	sameTranscript(t, live, replayed)
	payload, tcp := live.ledger["kernel_payload"], live.ledger["tcp_payload"]
	if tcp.Rows["gap"]+tcp.Rows["lost"] > 0 {
		t.Errorf("%d flows, %v: want no gaps", len(live.flows), tcp.Rows)
	}
	if payload.Rows["bypassed"] < bigBody {
		t.Errorf("%v: want most of three bodies of %d left out, one at least", payload.Rows, bigBody)
	}
	t.Logf("%v", payload.Rows)
}

// TestProgramsStreams: whoever wants the streams gets them whole, whatever the
// budget.
func TestProgramsStreams(t *testing.T) {
	l := newLab(t, false)
	testenv.Need(t, "nginx")
	testenv.Need(t, "curl")
	l.nginx(t)
	w := l.watch(t, "streams", "-o", "streams:live")
	l.distance(t)
	l.say(t, "curl", "-sS", "--limit-rate", "4M", "-o", "/dev/null", "http://"+serverIP+":8080/big")
	books, _ := w.stop(t)
	cmd := exec.Command(l.bin, "replay", "-q", "-r", w.name+".pcap", "-o", "streams:replayed")
	cmd.Dir = l.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("replay: %v\n%s", err, out)
	}
	contents := func(dir string) (files []string) {
		names, err := filepath.Glob(filepath.Join(l.dir, dir, "*.*.*-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, string(b))
		}
		slices.Sort(files)
		return files
	}
	live, replayed := contents("live"), contents("replayed")
	if len(live) != 2 || !slices.Equal(live, replayed) {
		t.Errorf("%v %v", books.ledger["kernel_payload"].Rows, books.ledger["tcp_payload"].Rows)
		t.Errorf("%d files, of %d bytes, want %d of %d", len(live), len(strings.Join(live, "")), len(replayed), len(strings.Join(replayed, "")))
	}
}

// distance makes the other end as slow as another host would be: a body takes
// longer than a verdict.
func (l *lab) distance(t *testing.T) {
	l.say(t, "sh", "-c", "echo 4096 65536 65536 >/proc/sys/net/ipv4/tcp_rmem")
}

// seen looks for what must be said of a conversation.
func (c *conversation) seen(t *testing.T, live *transcript) {
	var text strings.Builder
	flows := 0
	for _, fl := range live.flows {
		if fl.dstPort != c.port {
			continue
		}
		flows++
		if fl.app != c.app {
			t.Errorf("app %q, want %q: %s", fl.app, c.app, fl.record)
		}
		fmt.Fprintf(&text, "%s\n%s\n%s\n", fl.record, strings.Join(fl.said[0], "\n"), strings.Join(fl.said[1], "\n"))
	}
	if flows == 0 {
		t.Errorf("no flow to port %d", c.port)
	}
	for _, want := range c.says {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s is not said: %s", want, text.String())
		}
	}
	if strings.Contains(text.String(), `"type":"gap"`) || strings.Contains(text.String(), `"type":"error"`) {
		t.Errorf("gaps or errors: %s", text.String())
	}
}

// checkBooks: no packet and no byte is missing, and of what was said little was
// copied.
func checkBooks(t *testing.T, live, replayed *transcript) {
	payload := live.ledger["kernel_payload"]
	const budget, superPacket = 256 << 10, 64 << 10 // which is looked at before it is cut
	var sum, most uint64
	for _, fl := range replayed.flows {
		if strings.HasPrefix(fl.key, "tcp ") || strings.HasPrefix(fl.key, "udp ") {
			for _, n := range fl.payload {
				sum += n
				most += min(n, budget+superPacket)
			}
		}
	}
	if payload.Total != sum {
		t.Errorf("payload in the kernel's books: %d bytes, in the capture %d", payload.Total, sum)
	}
	for _, row := range []string{"ring_full", "cut", "no_flow", "fragment"} {
		if n := payload.Rows[row]; n != 0 {
			t.Errorf("%d bytes are %s", n, row)
		}
	}
	for _, row := range []string{"gap", "lost", "held", "buffered"} {
		if n := live.ledger["tcp_payload"].Rows[row]; n != 0 {
			t.Errorf("%d bytes of TCP are %s", n, row)
		}
	}
	for stage, a := range live.ledger {
		var rows uint64
		for _, n := range a.Rows {
			rows += n
		}
		if rows != a.Total {
			t.Errorf("%s: %d, rows %d", stage, a.Total, rows)
		}
	}
	if got, want := live.ledger["flow_packets"].Total, live.ledger["kernel_flows"].Total; got != want {
		t.Errorf("%d packets in flows, the kernel counted %d", got, want)
	}
	if payload.Rows["forwarded"] > most {
		t.Errorf("%d bytes were copied, at most %d may be", payload.Rows["forwarded"], most)
	}
	t.Logf("%d flows, %d packets, %d bytes of payload: %v; at most %d may be copied", len(live.flows), live.ledger["kernel_flows"].Total, payload.Total, payload.Rows, most)
}

func sayHTTP(t *testing.T, l *lab) {
	l.nginx(t)
	url := "http://" + serverIP + ":8080"
	l.say(t, "curl", "-sS", "-o", "/dev/null", "-o", "/dev/null", url+"/index.html", url+"/moved?token=abc",
		"--next", "-sS", "-I", "-o", "/dev/null", url+"/text.txt",
		"--next", "-sS", "--compressed", "-o", "/dev/null", url+"/text.txt",
		"--next", "-sS", "-o", "/dev/null", "-u", "user:secret", url+"/none",
		"--next", "-sS", "-o", "/dev/null", url+"/big")
	l.say(t, "curl", "-sS", "-o", "/dev/null", fmt.Sprintf("http://[%s]:8080/index.html", serverV6))
}

func sayHTTP2(t *testing.T, l *lab) {
	l.nginx(t)
	url := "http://" + serverIP + ":8082"
	for _, path := range []string{"/index.html", "/moved", "/medium"} {
		l.say(t, "curl", "-sS", "--http2-prior-knowledge", "-o", "/dev/null", url+path)
	}
}

// nginx serves until the end of the test: HTTP/1.1 at 8080, HTTP/2 at 8082.
func (l *lab) nginx(t *testing.T) {
	www := filepath.Join(l.dir, "www")
	if err := os.MkdirAll(www, 0o755); err != nil {
		t.Fatal(err)
	}
	l.file(t, "www/index.html", "Hello, world!\n")
	l.file(t, "www/text.txt", strings.Repeat("a line of a text that compresses well\n", 500))
	l.file(t, "www/medium", strings.Repeat("0123456789abcdef", 100<<10/16))
	l.file(t, "www/big", strings.Repeat("0123456789abcdef", bigBody/16))
	l.file(t, "nginx.conf", `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
	access_log off;
	types { text/html html; text/plain txt; }
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	gzip on;
	gzip_types text/plain;
	root www;
	server { listen 8080; listen [::]:8080; location /moved { return 302 /index.html?token=abc; } }
	server { listen 8082 http2; location /moved { return 302 /index.html; } }
}
`)
	l.serve(t, "tcp:8082", "nginx", "-p", l.dir, "-c", "nginx.conf")
}

func sayTLS(t *testing.T, l *lab, port, version string) {
	cert, key := filepath.Join(l.dir, "cert.pem"), filepath.Join(l.dir, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
		"-subj", "/CN=shop.example", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.serve(t, "tcp:"+port, "openssl", "s_server", "-accept", port, "-cert", cert, "-key", key, "-www")
	l.say(t, "openssl", "s_client", version, "-connect", serverIP+":"+port, "-servername", "shop.example", "-alpn", "h2,http/1.1")
}

func sayDNS(t *testing.T, l *lab) {
	l.serve(t, "tcp:53", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
		"--local-ttl=300", "--local=/example.test/", "--address=/www.example.test/192.0.2.80", "--address=/www.example.test/2001:db8::80",
		"--txt-record=text.example.test,"+strings.Repeat("x", 200))
	for _, args := range []string{"www.example.test A", "www.example.test AAAA", "text.example.test TXT", "none.example.test A", "+tcp www.example.test A"} {
		l.say(t, append([]string{"dig", "@" + serverIP, "+tries=1"}, strings.Fields(args)...)...)
	}
	l.say(t, "dig", "@"+serverV6, "+tries=1", "www.example.test", "A")
}

func sayRedis(t *testing.T, l *lab) {
	l.serve(t, "tcp:6379", "redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "")
	cli := []string{"redis-cli", "-h", serverIP}
	l.say(t, append(cli, "SET", "greeting", "hello")...)
	l.say(t, append(cli, "GET", "greeting")...)
	l.say(t, append(cli, "LPUSH", "greeting", "x")...) // an error
	l.say(t, append(cli, "SET", "large", strings.Repeat("y", 40000))...)
	l.say(t, append(cli, "-3", "GET", "large")...)
}

func sayMQTT(t *testing.T, l *lab) {
	conf := l.file(t, "mosquitto.conf", "listener 1883\nallow_anonymous true\npersistence false\nuser root\n")
	l.serve(t, "tcp:1883", "mosquitto", "-c", conf)
	l.say(t, "mosquitto_pub", "-h", serverIP, "-t", "lab/door", "-q", "1", "-r", "-m", "open")
	l.say(t, "mosquitto_sub", "-h", serverIP, "-t", "lab/#", "-q", "1", "-C", "1")
	l.say(t, "mosquitto_pub", "-h", serverIP, "-V", "5", "-t", "lab/door", "-q", "2", "-m", strings.Repeat("z", 3000))
}

func saySSH(t *testing.T, l *lab) {
	key := filepath.Join(l.dir, "host")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	conf := l.file(t, "sshd_config", "Port 2222\nListenAddress "+serverIP+"\nHostKey "+key+"\nPidFile none\nUsePAM no\n")
	l.serve(t, "tcp:2222", testenv.Need(t, "sshd"), "-D", "-e", "-f", conf)
	out, err := l.try(t, "ssh", "-n", "-F", "none", "-p", "2222", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "BatchMode=yes", "-o", "IdentityFile=none", "-o", "IdentityAgent=none", serverIP, "true")
	if err == nil || !strings.Contains(out, "Permission denied") {
		t.Errorf("want a refused login: %v\n%s", err, out)
	}
}

func saySMTP(t *testing.T, l *lab) {
	l.serve(t, "tcp:2525", testenv.Need(t, "aiosmtpd"), "-n", "-l", "0.0.0.0:2525", "-c", "aiosmtpd.handlers.Sink")
	mail := l.file(t, "mail", "From: alice@example.org\r\nTo: bob@example.com\r\nSubject: hello\r\n\r\n"+strings.Repeat("a line\r\n", 2000))
	l.say(t, "curl", "-sS", "smtp://"+serverIP+":2525/mail.example.org", "--mail-from", "alice@example.org", "--mail-rcpt", "bob@example.com", "-T", mail)
}

func sayIperf(t *testing.T, l *lab) {
	l.serve(t, "tcp:5201", "iperf3", "-s")
	l.say(t, "iperf3", "-c", serverIP, "-n", "16M")
	l.say(t, "iperf3", "-c", serverIP, "-u", "-b", "30M", "-t", "1")
}

func sayDHCP(t *testing.T, l *lab) {
	l.serve(t, "udp:67", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=0", "--user=root", "--no-ping",
		"--pid-file=", "--interface="+l.cable[servers], "--dhcp-leasefile="+filepath.Join(l.dir, "leases"), "--dhcp-authoritative",
		"--dhcp-range=10.203.9.100,10.203.9.150,255.255.255.0,10m")
	l.say(t, "busybox", "udhcpc", "-f", "-n", "-q", "-i", l.cable[clients], "-s", "/bin/true", "-x", "hostname:printer")
}

func sayNTP(t *testing.T, l *lab) {
	conf := l.file(t, "chrony.conf", "local stratum 3\nallow\nport 123\ncmdport 0\nbindcmdaddress /\npidfile "+filepath.Join(l.dir, "chronyd.pid")+"\n")
	l.serve(t, "udp:123", "chronyd", "-x", "-u", "root", "-d", "-f", conf)
	l.say(t, "chronyd", "-Q", "-t", "8", "-f", "/dev/null", "server "+serverIP+" iburst maxsamples 2", "pidfile "+filepath.Join(l.dir, "client.pid"))
}

// sayPostgres runs where there is a postgres, which is large.
func sayPostgres(t *testing.T, l *lab) {
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	psql, err := exec.LookPath("psql")
	if err != nil || len(bins) == 0 {
		t.Skip("needs postgres: apt-get install postgresql")
	}
	data := filepath.Join(l.dir, "postgres")
	as := []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "postgres", data).CombinedOutput(); err != nil {
		t.Skipf("needs the user postgres: %s", out)
	}
	initdb := append(as, bins[0]+"/initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", data)
	if out, err := exec.Command(initdb[0], initdb[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	hba := filepath.Join(data, "pg_hba.conf")
	if err := os.WriteFile(hba, []byte("host all all 0.0.0.0/0 trust\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.serve(t, "tcp:5432", append(as, bins[0]+"/postgres", "-D", data, "-h", serverIP, "-k", "", "-F")...)
	l.say(t, psql, "-X", "-h", serverIP, "-U", "postgres", "-c", "SELECT 1", "-c", "SELECT * FROM none", "-c", "SELECT repeat('x', 100000)")
}
