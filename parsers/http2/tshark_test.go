package http2

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/parsers/http"
	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// TestTshark compares with what tshark 4.0 said of the same capture, stream by
// stream. The difference is that targets are redacted here.
func TestTshark(t *testing.T) {
	file, err := os.ReadFile("testdata/nginx_go.tshark")
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(string(file)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		f[2] = string(http.AppendRedacted(nil, []byte(f[2])))
		want[f[0]] = append(want[f[0]], strings.Join(f[1:], " "))
	}
	p := Protocol().NewStream()
	var left [2][]byte
	for _, s := range sensortest.Load(t, "testdata/nginx_go.transcript").Steps {
		data := append(left[s.Side], s.Data...)
		n, err := p.Parse(sensor.Segment{Side: s.Side, Time: s.Time, Data: data, EOF: s.EOF}, func(m sensor.Message) {
			switch m := m.(type) {
			case *Request:
				id := strconv.Itoa(int(m.Stream))
				got[id] = append(got[id], strings.Join([]string{string(m.Method), string(m.Target), "", string(m.UserAgent), string(m.ContentType)}, " "))
			case *Response:
				id := strconv.Itoa(int(m.Stream))
				got[id] = append(got[id], strings.Join([]string{"", "", strconv.Itoa(m.Status), "", string(m.ContentType)}, " "))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		left[s.Side] = data[n:]
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 13 {
		t.Errorf("(-tshark +parser):\n%s", diff)
	}
}
