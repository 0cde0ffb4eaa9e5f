package build

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// wrap puts a packet into another. Options that wrap are given outermost first.
type wrap func(p packet, s Side) packet

// VLAN adds 802.1Q tags; of several, the outer ones are 802.1ad service tags.
func VLAN(ids ...uint16) Option {
	return func(w *wire) {
		if len(w.flow.VLAN) == 0 && w.flow.Tunnel == "" {
			w.flow.VLAN = ids
		}
		for i, id := range ids {
			tpid := uint16(etherVLAN)
			if i < len(ids)-1 {
				tpid = etherQinQ
			}
			w.wraps = append(w.wraps, func(p packet, _ Side) packet {
				b := binary.BigEndian.AppendUint16(nil, id)
				b = binary.BigEndian.AppendUint16(b, p.kind)
				return packet{tpid, append(b, p.data...)}
			})
		}
	}
}

// MPLS adds a stack of labels, outermost first.
func MPLS(labels ...uint32) Option {
	return func(w *wire) {
		w.tunnel("mpls", labels[len(labels)-1])
		w.wraps = append(w.wraps, func(p packet, _ Side) packet {
			return packet{etherMPLS, append(stack(labels), p.data...)}
		})
	}
}

func stack(labels []uint32) []byte {
	var b []byte
	for i, l := range labels {
		e := l<<12 | 64
		if i == len(labels)-1 {
			e |= 1 << 8 // bottom of stack, RFC 3032
		}
		b = binary.BigEndian.AppendUint32(b, e)
	}
	return b
}

// PPPoE adds a PPPoE session header and the PPP protocol number.
func PPPoE(session uint16) Option {
	return func(w *wire) {
		w.tunnel("pppoe", uint32(session))
		w.wraps = append(w.wraps, func(p packet, _ Side) packet {
			ppp := uint16(0x0021)
			if p.kind == etherIPv6 {
				ppp = 0x0057
			}
			b := []byte{0x11, 0}
			b = binary.BigEndian.AppendUint16(b, session)
			b = binary.BigEndian.AppendUint16(b, uint16(2+len(p.data)))
			b = binary.BigEndian.AppendUint16(b, ppp)
			return packet{etherPPPoE, append(b, p.data...)}
		})
	}
}

func (w *wire) tunnel(kind string, id uint32) {
	w.flow.Tunnel, w.flow.TunnelID = kind, id
}

// over returns a wrapper that puts what head makes of a packet into IP packets
// between a (on the initiator's side) and b, and starts the outer flow.
func (w *wire) over(a, b string, proto uint8, name string, ports [2]string, head func(p packet, s Side) []byte) {
	end := [2]netip.Addr{netip.MustParseAddr(a), netip.MustParseAddr(b)}
	if w.outer[0] == nil {
		f := &Flow{Proto: name, Initiator: join(end[0], ports[0]), Responder: join(end[1], ports[1]), EndReason: "shutdown"}
		w.outer = [2]*Flow{f, f}
	}
	w.wraps = append(w.wraps, func(p packet, s Side) packet {
		ip := IP(end[s], end[s.Other()], proto, head(p, s))
		if end[0].Is4() {
			return packet{etherIPv4, ip}
		}
		return packet{etherIPv6, ip}
	})
}

func join(a netip.Addr, port string) string {
	if a.Is4() {
		return a.String() + ":" + port
	}
	return "[" + a.String() + "]:" + port
}

// GRE adds RFC 2784/2890 GRE with a key (none if it is 0).
func GRE(a, b string, key uint32) Option { return gre(a, b, key, false) }

// GRETEB is GRE that carries Ethernet frames.
func GRETEB(a, b string, key uint32) Option { return gre(a, b, key, true) }

func gre(a, b string, key uint32, frames bool) Option {
	return func(w *wire) {
		w.tunnel("gre", key)
		var seq uint32
		w.over(a, b, protoGRE, "gre", [2]string{"0", "0"}, func(p packet, s Side) []byte {
			if frames {
				p = packet{etherTEB, Ethernet(p, w.mac[s], w.mac[s.Other()])}
			}
			h := []byte{0, 0}
			h = binary.BigEndian.AppendUint16(h, p.kind)
			if key != 0 {
				h[0] = 0x30 // key and sequence number
				h = binary.BigEndian.AppendUint32(h, key)
				h = binary.BigEndian.AppendUint32(h, seq)
				seq++
			}
			return append(h, p.data...)
		})
	}
}

// VXLAN adds RFC 7348.
func VXLAN(a, b string, vni uint32) Option {
	return overUDP(a, b, "vxlan", vni, 4789, func(w *wire, p packet, s Side) []byte {
		h := []byte{0x08, 0, 0, 0}
		h = binary.BigEndian.AppendUint32(h, vni<<8)
		return append(h, Ethernet(p, w.mac[s], w.mac[s.Other()])...)
	})
}

// Geneve adds RFC 8926 with one option.
func Geneve(a, b string, vni uint32) Option {
	return overUDP(a, b, "geneve", vni, 6081, func(w *wire, p packet, s Side) []byte {
		h := []byte{2, 0}
		h = binary.BigEndian.AppendUint16(h, etherTEB)
		h = binary.BigEndian.AppendUint32(h, vni<<8)
		h = append(h, 0x01, 0x02, 0x80, 1, 0xde, 0xad, 0xbe, 0xef)
		return append(h, Ethernet(p, w.mac[s], w.mac[s.Other()])...)
	})
}

// GTPU adds a GTPv1-U G-PDU with a sequence number.
func GTPU(a, b string, teid uint32) Option {
	var seq uint16
	return overUDP(a, b, "gtpu", teid, 2152, func(_ *wire, p packet, _ Side) []byte {
		h := []byte{0x32, 0xff}
		h = binary.BigEndian.AppendUint16(h, uint16(4+len(p.data)))
		h = binary.BigEndian.AppendUint32(h, teid)
		h = binary.BigEndian.AppendUint16(h, seq)
		seq++
		h = append(h, 0, 0)
		return append(h, p.data...)
	})
}

func overUDP(a, b, name string, id uint32, port uint16, head func(*wire, packet, Side) []byte) Option {
	return func(w *wire) {
		w.tunnel(name, id)
		end := [2]netip.Addr{netip.MustParseAddr(a), netip.MustParseAddr(b)}
		ports := [2]string{"54321", strconv.Itoa(int(port))}
		if name == "gtpu" {
			ports[0] = ports[1]
		}
		w.over(a, b, protoUDP, "udp", ports, func(p packet, s Side) []byte {
			// VXLAN and Geneve choose the source port of each direction by the
			// inner flow; the destination is always the well-known one.
			src := uint16(54321)
			if s == Rev {
				src = 54322
			}
			if name == "gtpu" {
				src = port
			}
			return datagram(end[s], end[s.Other()], src, port, head(w, p, s))
		})
		if name != "gtpu" && w.outer[0] == w.outer[1] {
			w.outer[Rev] = &Flow{Proto: "udp", Initiator: join(end[1], "54322"), Responder: join(end[0], ports[1]), EndReason: "shutdown"}
		}
	}
}

// IPIP puts IPv4 or IPv6 into IPv4 or IPv6 (RFC 2003, 2473, 4213).
func IPIP(a, b string) Option {
	return func(w *wire) {
		w.tunnel("ipip", 0)
		proto, name := uint8(protoIPIP), "ipv4"
		if w.end[0].Addr().Is6() {
			proto, name = protoIPv6, "ipv6"
		}
		w.over(a, b, proto, name, [2]string{"0", "0"}, func(p packet, _ Side) []byte { return p.data })
	}
}

// MPLSInGRE adds labels in GRE (RFC 4023).
func MPLSInGRE(a, b string, labels ...uint32) Option {
	return func(w *wire) {
		w.over(a, b, protoGRE, "gre", [2]string{"0", "0"}, func(p packet, _ Side) []byte {
			h := []byte{0, 0}
			h = binary.BigEndian.AppendUint16(h, etherMPLS)
			return append(append(h, stack(labels)...), p.data...)
		})
		w.tunnel("mpls", labels[len(labels)-1])
	}
}
