package frame

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"flowscope/sensor"
)

// opinion is what gopacket and the classifier should agree on.
type opinion struct {
	proto    sensor.Proto
	src, dst netip.AddrPort
	flags    uint8
	seq      uint32
	payload  string
}

// ask returns gopacket's opinion of a frame, and whether it has one: whole TCP
// and UDP packets that are no fragments. Its decoders may panic.
func ask(b []byte) (o opinion, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	var src, dst netip.Addr
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if ip.Version != 4 || ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0 {
			return o, false
		}
		src, dst = netip.AddrFrom4([4]byte(ip.SrcIP)), netip.AddrFrom4([4]byte(ip.DstIP))
	case *layers.IPv6:
		if ip.Version != 6 || ip.HopByHop != nil && int(ip.Length) != len(ip.Payload)+len(ip.HopByHop.Contents) {
			return o, false // it does not look at the length if there is a hop-by-hop header
		}
		src, dst = netip.AddrFrom16([16]byte(ip.SrcIP)).Unmap(), netip.AddrFrom16([16]byte(ip.DstIP)).Unmap()
	default:
		return o, false
	}
	if e, ok := p.Layer(layers.LayerTypePPPoE).(*layers.PPPoE); ok && (e.Version != 1 || e.Type != 1 || e.Code != 0) {
		return o, false
	}
	if p.Metadata().Truncated {
		return o, false
	}
	switch l4 := p.TransportLayer().(type) {
	case *layers.TCP:
		o = opinion{
			proto: sensor.ProtoTCP, flags: l4.Contents[13], seq: l4.Seq, payload: string(l4.Payload),
			src: netip.AddrPortFrom(src, uint16(l4.SrcPort)), dst: netip.AddrPortFrom(dst, uint16(l4.DstPort)),
		}
	case *layers.UDP:
		if l4.Length == 0 || int(l4.Length) > len(l4.Contents)+len(l4.Payload) {
			return o, false
		}
		o = opinion{
			proto: sensor.ProtoUDP, payload: string(l4.Payload),
			src: netip.AddrPortFrom(src, uint16(l4.SrcPort)), dst: netip.AddrPortFrom(dst, uint16(l4.DstPort)),
		}
	default:
		return o, false
	}
	return o, p.ErrorLayer() == nil && !p.Metadata().Truncated
}

// TestGopacket compares with gopacket's decoders on damaged frames.
func TestGopacket(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	frames := [][]byte{
		benchFrames[0].frame[:120], benchFrames[1].frame, benchFrames[2].frame[:120], benchFrames[3].frame,
		eth(etherQinQ, tag(3, etherVLAN, tag(4, etherIPv6, segV6))),
		eth(etherIPv4, withOptions(segV4)),
		eth(etherIPv6, ip6("2001:db8::9", "2001:db8::1", sensor.ProtoHopByHop, ext(protoDstOpts, ext(6, segV6[40:])))),
		eth(etherMPLS, mpls(segV4, 100, 200)),
		eth(etherPPPoE, pppoe(9, 0x21, segV4)),
	}
	agreed := 0
	for range 200_000 {
		b := bytes.Clone(frames[rng.IntN(len(frames))])
		for range rng.IntN(4) {
			b[12+rng.IntN(min(70, len(b)-12))] = byte(rng.Uint32())
		}
		want, ok := ask(b)
		if !ok {
			continue
		}
		c := New(sensor.Classify{Tunnels: sensor.Outer})
		var r sensor.Record
		if !c.Classify(&Frame{Ordinal: 1, Link: LinkEthernet, WireLen: len(b), Data: b}, &r) {
			t.Fatalf("%x: no record, gopacket says %+v; %v", b, want, ledger(c).Accounts)
		}
		got := opinion{
			proto: r.Key.Proto, src: r.Key.AddrPort(r.From), dst: r.Key.AddrPort(1 - r.From),
			flags: r.TCPFlags, seq: r.Seq, payload: string(r.Payload),
		}
		if got != want {
			t.Fatalf("%x:\ngot  %+v\nwant %+v", b, got, want)
		}
		agreed++
	}
	if agreed < 20_000 {
		t.Errorf("gopacket had an opinion of %d frames, want more", agreed)
	}
	t.Logf("agreed on %d frames", agreed)
}
