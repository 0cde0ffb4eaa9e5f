package captures

import (
	"embed"
	"encoding/json"

	"flowscope/testdata/build"
)

//go:embed all:fixtures
var fixtures embed.FS

// Fixture is a recorded conversation of an encrypted protocol, whose bytes the
// generator cannot make up (see testdata/record).
type Fixture struct {
	SNI     string   `json:"sni"`
	Version string   `json:"version"`
	ALPN    string   `json:"alpn"`
	Flights []Flight `json:"flights"`
}

// Flight is what one side wrote at once.
type Flight struct {
	Side int    `json:"side"` // 0 is the client
	Data []byte `json:"data"`
}

// Recorded returns the fixture of that name; it panics if there is none.
func Recorded(name string) *Fixture { return fixture(name) }

func fixture(name string) *Fixture {
	b, err := fixtures.ReadFile("fixtures/" + name + ".json")
	if err != nil {
		panic(err) // the files are compiled in
	}
	var f Fixture
	if err := json.Unmarshal(b, &f); err != nil {
		panic(err)
	}
	return &f
}

// play sends the fixture over a connection that is open.
func (f *Fixture) play(t *build.TCP) { f.playWith(t, nil) }

// playWith is play with something more before both sides say that they close,
// with the last two flights.
func (f *Fixture) playWith(t *build.TCP, more func()) {
	for i, w := range f.Flights {
		if more != nil && i == len(f.Flights)-2 {
			more()
		}
		t.Send(build.Side(w.Side), w.Data)
	}
	t.Flow.Say(build.Fwd, "tls", map[string]any{"sni": f.SNI})
	t.Flow.Say(build.Rev, "tls", map[string]any{"version": f.Version, "alpn": f.ALPN})
}
