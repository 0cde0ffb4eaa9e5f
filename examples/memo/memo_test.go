package memo

import (
	"testing"

	"flowscope/sensor/sensortest"
)

func TestTranscripts(t *testing.T) {
	sensortest.Files(t, "testdata/*.transcript", Protocol())
}
