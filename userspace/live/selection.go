//go:build linux && (amd64 || arm64)

package live

import (
	"path"
	"slices"

	"github.com/vishvananda/netlink"
)

// matches says whether a pattern is for the interface: for its name, or for
// another of its names.
func matches(pattern string, a *netlink.LinkAttrs) bool {
	if pattern == anyInterface {
		return true
	}
	if !IsPattern(pattern) {
		return a.Name == pattern || slices.Contains(a.AltNames, pattern)
	}
	ok, _ := path.Match(pattern, a.Name) // its error was told by checkPatterns
	return ok
}

// selection says which interfaces to watch.
type selection struct{ names, exclude []string }

// wants says whether to watch the interface, and whether it was asked for by its
// own name, so that it is an error if that does not work.
func (s *selection) wants(a *netlink.LinkAttrs) (wanted, byName bool) {
	for _, p := range s.exclude {
		if matches(p, a) {
			return false, false
		}
	}
	for _, p := range s.names {
		if matches(p, a) {
			wanted = true
			byName = byName || !IsPattern(p)
		}
	}
	return wanted, byName
}

// missing returns the names and patterns that are for none of the interfaces.
func (s *selection) missing(all []netlink.Link) (names []string) {
	for _, p := range s.names {
		if !slices.ContainsFunc(all, func(l netlink.Link) bool { return matches(p, l.Attrs()) }) {
			names = append(names, p)
		}
	}
	return names
}

// begins returns what the frames of an interface begin with, and whether the
// classifier knows that.
func begins(l netlink.Link) (uint32, bool) {
	switch l.Attrs().EncapType {
	case "ether", "loopback":
		return beginsEthernet, true
	case "none", "ppp", "ipip", "tunnel6", "sit", "gre", "unknown823", "unknown519": // ARPHRD_IP6GRE, ARPHRD_RAWIP
		return beginsIP, true
	}
	return 0, false
}
