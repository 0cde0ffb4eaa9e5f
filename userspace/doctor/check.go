package doctor

import "fmt"

// Status is how a check ended.
type Status string

const (
	OK      Status = "ok"      // as the sensor wants it
	Info    Status = "info"    // worth knowing, nothing to do
	Warn    Status = "warn"    // the sensor runs, with less than it could
	Fail    Status = "fail"    // the sensor does not run
	Unknown Status = "unknown" // could not be looked at; Found says why
)

// Check is one thing that was looked at.
type Check struct {
	Name      string `json:"check"`
	Interface string `json:"interface,omitempty"` // empty: of the host
	Status    Status `json:"status"`
	Found     string `json:"found"`            // what is there
	Remedy    string `json:"remedy,omitempty"` // what to do, where there is something
}

// Failed reports whether one of the checks failed.
func Failed(checks []Check) bool {
	for _, c := range checks {
		if c.Status == Fail {
			return true
		}
	}
	return false
}

// list collects checks of one interface, or of the host.
type list struct {
	iface  string
	checks []Check
}

func (l *list) add(s Status, name, remedy, format string, args ...any) {
	l.checks = append(l.checks, Check{Name: name, Interface: l.iface, Status: s, Found: fmt.Sprintf(format, args...), Remedy: remedy})
}
