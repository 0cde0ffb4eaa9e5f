/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Finds the innermost IP packet of a frame, its flow and its payload. This is
 * the twin of userspace/internal/frame: same bounds, same order of decisions,
 * same reasons; its doc.go says what the rules are. It calls no helper and is
 * compiled for the host, too, by the test beside it.
 *
 * All state is in memory (in the kernel: a map value), on purpose. The verifier
 * does not follow what is stored there, so that the paths through one header
 * are one state again behind it; and an offset that comes from there is never a
 * constant on one path and unknown on another, which the verifier refuses to
 * programs that may not leak pointers (no CAP_PERFMON).
 */
#ifndef FLOWSCOPE_PARSE_H
#define FLOWSCOPE_PARSE_H

#include "types.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define FS_WINDOW 256 /* bytes of a frame in which headers are looked for */
#define FS_SLACK 64   /* readable behind the window: more than any one header */

#define FS_MAX_TUNNELS 4
#define FS_MAX_HEADERS 32
#define FS_MAX_STEPS 64 /* of the walk: headers, labels, extension headers */
#define FS_MAX_LABELS 16
#define FS_MAX_EXT_HEADERS 8
#define FS_MAX_GTPU_HEADERS 8

enum { /* IANA, protocol numbers */
	FS_HOPBYHOP = 0,
	FS_ICMP = 1,
	FS_IPIP = 4,
	FS_TCP = 6,
	FS_UDP = 17,
	FS_IPV6 = 41,
	FS_ROUTING = 43,
	FS_FRAGHDR = 44,
	FS_GRE = 47,
	FS_AH = 51,
	FS_ICMPV6 = 58,
	FS_NONE = 59,
	FS_DSTOPTS = 60,
	FS_SCTP = 132,
	FS_MOBILITY = 135,
	FS_MPLS_IN_IP = 137,
	FS_HIP = 139,
	FS_SHIM6 = 140,
};

enum { /* sensor.TunnelKind */
	FS_T_NONE = 0,
	FS_T_GRE,
	FS_T_VXLAN,
	FS_T_GENEVE,
	FS_T_GTPU,
	FS_T_IPIP,
	FS_T_MPLS,
	FS_T_PPPOE,
};

enum { /* the kind of the next header */
	FS_L_NONE = 0,
	FS_L_ETHERNET,
	FS_L_TYPE, /* what ether_type says */
	FS_L_LLC,
	FS_L_PPP,
	FS_L_MPLS,
	FS_L_IP,
	/* Further parts of one header: */
	FS_L_LABEL, /* of an MPLS stack */
	FS_L_EXT,   /* extension header of IP */
	FS_L_GTPU,  /* extension header of GTP-U */
};

enum {
	FS_ETH_MIN = 0x0600, /* below, it is the length of an 802.3 frame */
	FS_ETH_IPV4 = 0x0800,
	FS_ETH_ARP = 0x0806,
	FS_ETH_ERSPAN3 = 0x22eb,
	FS_ETH_TEB = 0x6558,
	FS_ETH_RARP = 0x8035,
	FS_ETH_VLAN = 0x8100,
	FS_ETH_IPV6 = 0x86dd,
	FS_ETH_PPP = 0x880b,
	FS_ETH_MPLS = 0x8847,
	FS_ETH_MPLS_UP = 0x8848,
	FS_ETH_PPPOE = 0x8864,
	FS_ETH_QINQ = 0x88a8,
	FS_ETH_ERSPAN2 = 0x88be,
	FS_ETH_QINQ_OLD = 0x9100,
	FS_ETH_QINQ_92 = 0x9200,
};

/* What surrounds a packet. */
struct fs_encap {
	__u16 vlan[2];
	__u32 tunnel_id;
	__u8 tunnel;
	__u8 one_way; /* the other direction has another tunnel_id */
	__u8 tags;
	__u8 depth; /* IP packets around this one */
};

/* An IP packet. Offsets are from the start of the frame and may lie behind what
 * was captured. */
struct fs_packet {
	__u8 src[16], dst[16];
	__u32 l3, l4, end;
	__u32 frag_id;
	__u16 frag_off; /* in bytes */
	__u8 proto;
	__u8 v6, frag, more, routed;
	struct fs_encap encap;
};

struct fs_parse {
	/* Given. */
	__u32 have;   /* bytes of the frame that could be read; shrinks to the enclosing packet */
	__u32 limit;  /* bytes of it on the wire; likewise */
	__u32 loaded; /* bytes of it in the window */
	__u32 flags;  /* FS_P_ */
	__u16 meta_vlan[2]; /* 1 and the tag that is beside the frame; or 0 */

	/* The position. */
	__u32 off;
	__u16 ether_type;
	__u8 next;
	__u8 deep;    /* a header lies behind the window */
	__u32 headers; /* walked so far */
	__u16 parts;  /* of the header at work */
	__u16 why;    /* enum fs_reason */
	struct fs_encap at;

	/* Found. */
	__u32 found; /* IP packets */
	__u32 ip_bytes;
	struct fs_packet p; /* the innermost */

	__u16 port[2]; /* sender, receiver */
	__u16 tcp_window;
	__u8 tcp_flags;
	__u8 readable; /* header and payload can be told apart */
	__u32 header;  /* length of the transport header */
	__u32 payload; /* bytes on the wire behind it */
	__u32 cap;     /* of them, captured */
	__u32 seq, ack;

	struct fs_key key;
	__u32 from;

	__u8 window[FS_WINDOW + FS_SLACK];
};

enum {
	FS_P_TUNNELS = 1,    /* look into tunnels */
	FS_P_KEY_VLAN = 2,   /* the outer VLAN is part of the key */
	FS_P_KEY_TUNNEL = 4, /* so is the tunnel's id */
};

/* Makes the compiler forget what it knows of v, so that the check before an
 * access is made on the register that is used for it. */
#define fs_opaque(v) asm volatile("" : "+r"(v))

#define fs_load(x) (*(volatile __typeof__(x) *)&(x))

static __always_inline __u16 fs_be16(const __u8 *b) { return (__u16)b[0] << 8 | b[1]; }

static __always_inline __u32 fs_be32(const __u8 *b)
{
	return (__u32)b[0] << 24 | (__u32)b[1] << 16 | (__u32)b[2] << 8 | b[3];
}

static __always_inline __u64 fs_be64(const __u8 *b)
{
	return (__u64)fs_be32(b) << 32 | fs_be32(b + 4);
}

static __always_inline void fs_copy16(__u8 *dst, const __u8 *src)
{
	__builtin_memcpy(dst, src, 16);
}

/* The n bytes at off, at most FS_SLACK, or 0. */
static __always_inline __u8 *fs_at(struct fs_parse *c, __u32 off, __u32 n)
{
	if (off > 0x40000 || off + n > c->have)
		return 0;
	if (off + n > c->loaded) {
		c->deep = 1;
		return 0;
	}
	fs_opaque(off);
	if (off > FS_WINDOW)
		return 0;
	return c->window + off;
}

static __always_inline __u8 *fs_peek(struct fs_parse *c, __u32 n)
{
	return fs_at(c, fs_load(c->off), n);
}

static __always_inline __u8 *fs_take(struct fs_parse *c, __u32 n)
{
	__u32 off = fs_load(c->off);
	__u8 *h = fs_at(c, off, n);

	if (h)
		c->off = off + n;
	return h;
}

/* Moves over n bytes, which must have been captured, and says whether it did. */
static __always_inline int fs_skip(struct fs_parse *c, __u32 n)
{
	__u32 off = fs_load(c->off);

	if (off > 0x40000 || off + n > c->have)
		return 0;
	c->off = off + n;
	return 1;
}

static __always_inline int fs_short(struct fs_parse *c, int n)
{
	return (int)c->limit - (int)c->off < n ? FS_MALFORMED_LINK : FS_TRUNCATED_LINK;
}

static __always_inline int fs_short_ip(struct fs_parse *c, int n)
{
	return (int)c->limit - (int)c->off < n ? FS_MALFORMED_IP : FS_TRUNCATED_IP;
}

static __always_inline int fs_ethernet(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 14);

	if (!h)
		return fs_short(c, 14);
	c->at.tags = 0;
	if (c->meta_vlan[0] && c->at.depth == 0 && c->at.tunnel == FS_T_NONE) {
		c->at.vlan[0] = c->meta_vlan[1] & 0x0fff;
		c->at.vlan[1] = 0;
		c->at.tags = 1;
	}
	c->ether_type = fs_be16(h + 12);
	c->next = FS_L_TYPE;
	return FS_ACCOUNTED;
}

static __always_inline int fs_vlan(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 4);

	if (!h)
		return fs_short(c, 4);
	if (c->at.tags == 0) {
		c->at.vlan[0] = fs_be16(h) & 0x0fff;
		c->at.vlan[1] = 0;
		c->at.tags = 1;
	} else if (c->at.tags == 1) {
		c->at.vlan[1] = fs_be16(h) & 0x0fff;
		c->at.tags = 2;
	}
	c->ether_type = fs_be16(h + 2);
	return FS_ACCOUNTED;
}

/* PPPoE session (RFC 2516, 4). */
static __always_inline int fs_pppoe(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 6);

	if (!h)
		return fs_short(c, 6);
	if (h[0] != 0x11 || h[1] != 0)
		return FS_NON_IP;
	c->at.tunnel = FS_T_PPPOE;
	c->at.one_way = 0;
	c->at.tunnel_id = fs_be16(h + 2);
	c->next = FS_L_PPP;
	return FS_ACCOUNTED;
}

static __always_inline int fs_type(struct fs_parse *c)
{
	switch (c->ether_type) {
	case FS_ETH_IPV4:
	case FS_ETH_IPV6:
		c->next = FS_L_IP;
		return FS_ACCOUNTED;
	case FS_ETH_VLAN:
	case FS_ETH_QINQ:
	case FS_ETH_QINQ_OLD:
	case FS_ETH_QINQ_92:
		return fs_vlan(c);
	case FS_ETH_MPLS:
	case FS_ETH_MPLS_UP:
		c->next = FS_L_MPLS;
		return FS_ACCOUNTED;
	case FS_ETH_PPPOE:
		return fs_pppoe(c);
	case FS_ETH_TEB:
		c->next = FS_L_ETHERNET;
		return FS_ACCOUNTED;
	case FS_ETH_PPP:
		c->next = FS_L_PPP;
		return FS_ACCOUNTED;
	case FS_ETH_ARP:
	case FS_ETH_RARP:
		return FS_ARP;
	}
	if (c->ether_type < FS_ETH_MIN) {
		c->next = FS_L_LLC;
		return FS_ACCOUNTED;
	}
	return FS_NON_IP;
}

/* 802.2 with SNAP (RFC 1042). */
static __always_inline int fs_llc(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 8);

	if (!h || h[0] != 0xaa || h[1] != 0xaa || h[2] != 0x03 || (h[3] | h[4] | h[5]))
		return FS_NON_IP;
	c->next = FS_L_TYPE;
	c->ether_type = fs_be16(h + 6);
	return c->ether_type < FS_ETH_MIN ? FS_NON_IP : FS_ACCOUNTED;
}

static __always_inline int fs_ppp(struct fs_parse *c)
{
	__u16 proto;
	__u8 *h = fs_peek(c, 2);

	if (h && h[0] == 0xff && h[1] == 0x03)
		c->off += 2;
	h = fs_take(c, 1);
	if (!h)
		return fs_short(c, 1);
	proto = h[0];
	if (!(proto & 1)) {
		h = fs_take(c, 1);
		if (!h)
			return fs_short(c, 1);
		proto = proto << 8 | h[0];
	}
	switch (proto) {
	case 0x0021:
	case 0x0057:
		c->next = FS_L_IP;
		return FS_ACCOUNTED;
	case 0x0281:
	case 0x0283:
		c->next = FS_L_TYPE;
		c->ether_type = FS_ETH_MPLS;
		return FS_ACCOUNTED;
	}
	return FS_NON_IP;
}

/* Whether an Ethernet header that leads to IP may be at skip. */
static __always_inline int fs_ethernet_at(struct fs_parse *c, __u32 skip)
{
	__u8 *h = fs_peek(c, skip + 14);

	if (!h)
		return 0;
	switch (fs_be16(h + skip + 12)) {
	case FS_ETH_IPV4:
	case FS_ETH_IPV6:
	case FS_ETH_VLAN:
	case FS_ETH_QINQ:
	case FS_ETH_MPLS:
	case FS_ETH_PPPOE:
	case FS_ETH_ARP:
		return 1;
	}
	return 0;
}

static __always_inline int fs_under_mpls(struct fs_parse *c)
{
	__u8 *h = fs_peek(c, 2);
	__u8 nibble;

	if (!h)
		return fs_short(c, 2);
	nibble = h[0] >> 4;
	if (nibble == 4 || nibble == 6) {
		c->next = FS_L_IP;
		return FS_ACCOUNTED;
	}
	if (!(h[0] | h[1]) && fs_ethernet_at(c, 4)) {
		c->off += 4;
		c->next = FS_L_ETHERNET;
		return FS_ACCOUNTED;
	}
	if (fs_ethernet_at(c, 0)) {
		c->next = FS_L_ETHERNET;
		return FS_ACCOUNTED;
	}
	return FS_NON_IP;
}

/* A label of a stack (RFC 3032). */
static __always_inline int fs_label(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 4);

	if (!h)
		return fs_short(c, 4);
	if (h[2] & 1) {
		c->at.tunnel = FS_T_MPLS;
		c->at.one_way = 1;
		c->at.tunnel_id = fs_be32(h) >> 12;
		return fs_under_mpls(c);
	}
	c->next = FS_L_LABEL;
	c->parts++;
	return c->parts < FS_MAX_LABELS ? FS_ACCOUNTED : FS_TOO_MANY_HEADERS;
}

static __always_inline void fs_map_ipv4(__u8 *dst, const __u8 *a)
{
	__builtin_memset(dst, 0, 10);
	dst[10] = dst[11] = 0xff;
	__builtin_memcpy(dst + 12, a, 4);
}

static __always_inline int fs_extends(__u8 proto, __u8 v6)
{
	if (proto == FS_AH)
		return 1;
	if (!v6)
		return 0;
	switch (proto) {
	case FS_HOPBYHOP:
	case FS_ROUTING:
	case FS_FRAGHDR:
	case FS_DSTOPTS:
	case FS_MOBILITY:
	case FS_HIP:
	case FS_SHIM6:
		return 1;
	}
	return 0;
}

/* Moves over the extension header at p.l4, of type p.proto (RFC 8200, 4; RFC
 * 4302 for AH, which IPv4 has too), and says whether it did. */
static __always_inline int fs_extension(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	__u32 l4 = fs_load(p->l4), size;
	__u8 proto = fs_load(p->proto), *h;

	if (!fs_extends(proto, p->v6) || l4 + 8 > p->end)
		return 0;
	h = fs_at(c, l4, 8);
	if (!h)
		return 0;
	size = 8 + (__u32)h[1] * 8;
	if (proto == FS_AH) {
		size = 8 + (__u32)h[1] * 4;
	} else if (proto == FS_FRAGHDR) {
		__u16 flags = fs_be16(h + 2);

		size = 8;
		if (flags & 0xfff9) { /* else it says the packet is whole: RFC 6946 */
			p->frag = 1;
			p->more = flags & 1;
			p->frag_off = flags & 0xfff8;
			p->frag_id = fs_be32(h + 4);
			p->proto = h[0];
			p->l4 = l4 + 8;
			return 0;
		}
	} else if (proto == FS_ROUTING) {
		if (l4 + size <= p->end && h[3])
			p->routed = 1;
	}
	if (l4 + size > p->end || (proto == FS_MOBILITY && h[0] == FS_NONE))
		return 0;
	p->proto = h[0];
	p->l4 = l4 + size;
	c->parts++;
	return c->parts < FS_MAX_EXT_HEADERS;
}

/* IPv4 (RFC 791, 3.1). */
static __always_inline int fs_ip4(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	__u32 off = fs_load(c->off), ihl, total, flags;
	__u8 *h = fs_at(c, off, 20);

	if (!h)
		return fs_short_ip(c, 20);
	ihl = (h[0] & 0x0f) * 4;
	total = fs_be16(h + 2);
	if (total == 0) /* segmentation offload: longer than the field can say */
		total = c->limit - off;
	if (ihl < 20 || (int)total < (int)ihl)
		return FS_MALFORMED_IP;
	if (c->found && off + total > c->limit)
		return FS_MALFORMED_IP;
	p->l3 = off;
	p->l4 = off + ihl;
	p->end = off + total;
	p->proto = h[9];
	p->v6 = p->frag = p->more = p->routed = 0;
	p->frag_id = p->frag_off = 0;
	fs_map_ipv4(p->src, h + 12);
	fs_map_ipv4(p->dst, h + 16);
	flags = fs_be16(h + 6);
	if (flags & 0x3fff) {
		p->frag = 1;
		p->more = !!(flags & 0x2000);
		p->frag_off = (flags & 0x1fff) << 3;
		p->frag_id = fs_be16(h + 4);
	}
	return FS_ACCOUNTED;
}

/* IPv6 (RFC 8200, 3). */
static __always_inline int fs_ip6(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	__u32 off = fs_load(c->off), total;
	__u8 *h = fs_at(c, off, 40);

	if (!h)
		return fs_short_ip(c, 40);
	total = 40 + fs_be16(h + 4);
	if (total == 40 && h[6] != FS_NONE && (int)c->limit - (int)off > 40)
		total = c->limit - off; /* jumbogram or offload */
	if (c->found && off + total > c->limit)
		return FS_MALFORMED_IP;
	p->l3 = off;
	p->l4 = off + 40;
	p->end = off + total;
	p->proto = h[6];
	p->v6 = 1;
	p->frag = p->more = p->routed = 0;
	p->frag_id = p->frag_off = 0;
	fs_copy16(p->src, h + 8);
	fs_copy16(p->dst, h + 24);
	return FS_ACCOUNTED;
}

static __always_inline int fs_ip(struct fs_parse *c)
{
	__u8 *h = fs_peek(c, 1);
	int why;

	if (!h)
		return fs_short_ip(c, 1);
	switch (h[0] >> 4) {
	case 4:
		why = fs_ip4(c);
		break;
	case 6:
		why = fs_ip6(c);
		break;
	default:
		return FS_MALFORMED_IP;
	}
	if (why != FS_ACCOUNTED)
		return why;
	c->p.encap = c->at;
	c->parts = 0;
	return FS_ACCOUNTED;
}

/* VXLAN (RFC 7348, 5). */
static __always_inline int fs_vxlan(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 8);

	if (!h || !(h[0] & 0x08))
		return 0;
	c->at.tunnel_id = fs_be32(h + 4) >> 8;
	c->next = FS_L_ETHERNET;
	return 1;
}

/* Geneve (RFC 8926, 3.4). */
static __always_inline int fs_geneve(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 8);

	if (!h || h[0] >> 6 || !fs_skip(c, (h[0] & 0x3f) * 4))
		return 0;
	c->at.tunnel_id = fs_be32(h + 4) >> 8;
	c->next = FS_L_TYPE;
	c->ether_type = fs_be16(h + 2);
	return c->ether_type >= FS_ETH_MIN;
}

/* GTPv1-U with user data (3GPP TS 29.281, 5.1 and 5.2). */
static __always_inline int fs_gtpu(struct fs_parse *c)
{
	__u8 *h = fs_take(c, 8), flags;

	if (!h || (h[0] & 0xf0) != 0x30 || h[1] != 255)
		return 0;
	flags = h[0];
	c->at.tunnel_id = fs_be32(h + 4);
	c->at.one_way = 1;
	c->next = FS_L_IP;
	if (!(flags & 0x07))
		return 1;
	h = fs_take(c, 4);
	if (!h)
		return 0;
	if (!(flags & 0x04) || !h[3])
		return 1;
	c->next = FS_L_GTPU;
	c->parts = 0;
	return 1;
}

/* Moves over an extension header of GTP-U, and says whether it could. */
static __always_inline int fs_gtpu_extension(struct fs_parse *c)
{
	__u32 off = fs_load(c->off), size;
	__u8 *h = fs_at(c, off, 1);

	if (!h || !h[0])
		return 0;
	size = (__u32)h[0] * 4;
	h = fs_at(c, off + size - 1, 1);
	if (!h)
		return 0;
	c->off = off + size;
	c->parts++;
	if (!h[0])
		c->next = FS_L_IP;
	else if (c->parts >= FS_MAX_GTPU_HEADERS)
		return 0;
	return 1;
}

/* ERSPAN (draft-foschiano-erspan). */
static __always_inline int fs_erspan(struct fs_parse *c, __u32 size)
{
	__u8 *h = fs_take(c, size);

	if (!h)
		return 0;
	c->at.tunnel_id = fs_be16(h + 2) & 0x03ff;
	if (size == 12 && (h[11] & 1) && !fs_skip(c, 8))
		return 0;
	c->next = FS_L_ETHERNET;
	return 1;
}

/* GRE, version 0 (RFC 2784, RFC 2890) or 1 (RFC 2637, 4.1). */
static __always_inline int fs_gre(struct fs_parse *c)
{
	enum { checksum = 0x8000, routing = 0x4000, key = 0x2000, sequence = 0x1000, ack = 0x0080 };
	__u8 *h = fs_take(c, 4), *k;
	__u16 flags, proto, version;

	if (!h)
		return 0;
	flags = fs_be16(h);
	proto = fs_be16(h + 2);
	version = flags & 7;
	if (version > 1 || (flags & routing) || (version == 1) != (proto == FS_ETH_PPP))
		return 0;
	if ((flags & checksum) && !fs_skip(c, 4))
		return 0;
	if (flags & key) {
		k = fs_take(c, 4);
		if (!k)
			return 0;
		c->at.tunnel_id = fs_be32(k);
		if (version == 1) { /* length and call id */
			c->at.tunnel_id &= 0xffff;
			c->at.one_way = 1;
		}
	}
	if ((flags & sequence) && !fs_skip(c, 4))
		return 0;
	if (version == 1 && (flags & ack) && !fs_skip(c, 4))
		return 0;
	if (proto == FS_ETH_ERSPAN2) {
		if (!(flags & sequence)) { /* type I has no header of its own */
			c->next = FS_L_ETHERNET;
			return 1;
		}
		return fs_erspan(c, 8);
	}
	if (proto == FS_ETH_ERSPAN3)
		return fs_erspan(c, 12);
	c->next = FS_L_TYPE;
	c->ether_type = proto;
	return proto >= FS_ETH_MIN;
}

/* The tunnel that is usual on these UDP ports. */
static __always_inline __u8 fs_udp_tunnel(__u16 src, __u16 dst)
{
	switch (dst) {
	case 4789:
	case 8472:
		return FS_T_VXLAN;
	case 6081:
		return FS_T_GENEVE;
	case 2152:
		return FS_T_GTPU;
	}
	if (src == 2152)
		return FS_T_GTPU;
	return dst == 6635 ? FS_T_MPLS : FS_T_NONE;
}

/* Moves behind the headers of the tunnel that p is, and says whether it is one. */
static __always_inline int fs_enter(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	__u8 proto = fs_load(p->proto), kind, *h;

	if (!(c->flags & FS_P_TUNNELS))
		return 0;
	switch (proto) {
	case FS_UDP:
	case FS_GRE:
	case FS_IPIP:
	case FS_IPV6:
	case FS_MPLS_IN_IP:
		break;
	default:
		return 0;
	}
	c->off = p->l4;
	c->limit = p->end;
	if (c->have > p->end)
		c->have = p->end;
	if (proto == FS_UDP) {
		h = fs_take(c, 8);
		if (!h)
			return 0;
		kind = fs_udp_tunnel(fs_be16(h), fs_be16(h + 2));
		if (kind == FS_T_NONE)
			return 0;
	} else if (proto == FS_GRE) {
		kind = FS_T_GRE;
	} else if (proto == FS_MPLS_IN_IP) {
		kind = FS_T_MPLS;
	} else {
		kind = FS_T_IPIP;
	}
	c->at.depth = p->encap.depth + 1;
	c->at.tunnel = kind;
	c->at.one_way = 0;
	c->at.tunnel_id = 0;
	c->at.tags = 0;
	switch (kind) {
	case FS_T_GRE:
		return fs_gre(c);
	case FS_T_VXLAN:
		return fs_vxlan(c);
	case FS_T_GENEVE:
		return fs_geneve(c);
	case FS_T_GTPU:
		return fs_gtpu(c);
	case FS_T_MPLS:
		c->next = FS_L_MPLS;
		return 1;
	}
	c->next = FS_L_IP;
	return 1;
}

/* The IP packet at off. It counts as found when it is known to fit. */
static __always_inline int fs_found(struct fs_parse *c)
{
	int why;

	if (!c->found)
		c->ip_bytes = c->limit - c->off;
	why = fs_ip(c);
	if (why != FS_ACCOUNTED)
		return why;
	if (!c->found)
		c->ip_bytes = c->p.end - c->p.l3;
	c->found++;
	c->next = FS_L_EXT;
	return FS_ACCOUNTED;
}

/* Behind the headers of an IP packet: whether there may be another in it. */
static __always_inline int fs_inside(struct fs_parse *c)
{
	return !fs_load(c->p.frag) && c->p.encap.depth < FS_MAX_TUNNELS && fs_enter(c);
}

/* Takes one header, or part of one, and says whether to go on. */
static __always_inline int fs_step(struct fs_parse *c)
{
	__u8 next = fs_load(c->next);
	int why;

	if (next <= FS_L_IP) {
		c->headers++;
		if (c->headers > FS_MAX_HEADERS) {
			c->why = FS_TOO_MANY_HEADERS;
			return 0;
		}
	}
	switch (next) {
	case FS_L_ETHERNET:
		why = fs_ethernet(c);
		break;
	case FS_L_TYPE:
		why = fs_type(c);
		break;
	case FS_L_LLC:
		why = fs_llc(c);
		break;
	case FS_L_PPP:
		why = fs_ppp(c);
		break;
	case FS_L_MPLS:
		c->parts = 0;
		/* fallthrough */
	case FS_L_LABEL:
		why = fs_label(c);
		break;
	case FS_L_IP:
		why = fs_found(c);
		break;
	case FS_L_EXT:
		return (!fs_load(c->p.frag) && fs_extension(c)) || fs_inside(c);
	case FS_L_GTPU:
		return fs_gtpu_extension(c);
	default:
		why = FS_NON_IP;
	}
	c->why = why;
	return why == FS_ACCOUNTED;
}

static __always_inline int fs_icmp_counterpart(__u8 proto, __u8 t)
{
	if (proto == FS_ICMP) {
		switch (t) {
		case 0:
		case 8:
			return 8 - t;
		case 9:
		case 10:
			return 19 - t;
		case 13:
		case 14:
			return 27 - t;
		case 15:
		case 16:
			return 31 - t;
		case 17:
		case 18:
			return 35 - t;
		}
		return -1;
	}
	switch (t) {
	case 128:
	case 129:
	case 144:
	case 145:
		return t ^ 1;
	case 130:
	case 131:
		return 261 - t;
	case 133:
	case 134:
		return 267 - t;
	case 135:
	case 136:
		return 271 - t;
	case 139:
	case 140:
		return 279 - t;
	}
	return -1;
}

static __always_inline void fs_ports(struct fs_parse *c, __u32 l4, __u32 avail)
{
	__u8 *h;

	if (avail < 4)
		return;
	h = fs_at(c, l4, 4);
	if (!h)
		return;
	c->port[0] = fs_be16(h);
	c->port[1] = fs_be16(h + 2);
}

/* Reads the transport header of the packet that was found. */
static __always_inline void fs_transport(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	__u32 l4 = fs_load(p->l4), size = p->end - l4, avail = 0, header = 0, n;
	__u8 proto = fs_load(p->proto), *h;
	int other;

	c->port[0] = c->port[1] = 0;
	c->tcp_window = 0;
	c->tcp_flags = 0;
	c->readable = 0;
	c->seq = c->ack = 0;
	c->payload = c->cap = 0;
	if (c->have > p->end)
		c->have = p->end;
	if (c->have > l4)
		avail = c->have - l4;
	switch (proto) {
	case FS_TCP:
		fs_ports(c, l4, avail);
		header = 20;
		if (avail < 14)
			break;
		h = fs_at(c, l4, 14);
		if (!h)
			break;
		header = (h[12] >> 4) * 4;
		if (header < 20 || header > size) {
			header = size;
			break;
		}
		c->readable = 1;
		c->tcp_flags = h[13];
		c->seq = fs_be32(h + 4);
		c->ack = fs_be32(h + 8);
		if (avail < 16)
			break;
		h = fs_at(c, l4, 16);
		if (h)
			c->tcp_window = fs_be16(h + 14);
		break;
	case FS_UDP:
		fs_ports(c, l4, avail);
		header = 8;
		c->readable = size >= 8;
		if (avail >= 6) {
			h = fs_at(c, l4, 6);
			n = h ? fs_be16(h + 4) : 0;
			if (n) { /* 0 is a jumbogram (RFC 2675, 4) */
				c->readable = n >= 8 && n <= size;
				size = n;
			}
		}
		if (!c->readable)
			header = size;
		break;
	case FS_SCTP:
		fs_ports(c, l4, avail);
		header = 12;
		c->readable = size >= 12;
		break;
	case FS_ICMP:
	case FS_ICMPV6:
		header = 8;
		c->readable = size >= 8;
		if (avail < 2)
			break;
		h = fs_at(c, l4, 2);
		if (!h)
			break;
		c->port[0] = h[0];
		c->port[1] = h[1];
		other = fs_icmp_counterpart(proto, h[0]);
		if (other >= 0)
			c->port[1] = other;
		break;
	default:
		c->readable = 1;
	}
	c->header = header;
	if (size > header)
		c->payload = size - header;
	if (avail > header) {
		n = avail - header;
		c->cap = n < c->payload ? n : c->payload;
	}
}

/* Whether endpoint src sorts before or as dst. */
static __always_inline int fs_in_order(const struct fs_packet *p, __u16 sport, __u16 dport)
{
	__u64 a = fs_be64(p->src), b = fs_be64(p->dst);

	if (a != b)
		return a < b;
	a = fs_be64(p->src + 8);
	b = fs_be64(p->dst + 8);
	if (a != b)
		return a < b;
	return sport <= dport;
}

/* Makes the key of the packet that was found. */
static __always_inline void fs_make_key(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	struct fs_key *k = &c->key;

	k->tunnel = 0;
	k->vlan = 0;
	k->kind = 0;
	k->proto = p->proto;
	if (c->flags & FS_P_KEY_VLAN)
		k->vlan = p->encap.vlan[0];
	if ((c->flags & FS_P_KEY_TUNNEL) && !p->encap.one_way)
		k->tunnel = p->encap.tunnel_id;
	if (fs_in_order(p, c->port[0], c->port[1])) {
		c->from = 0;
		fs_copy16(k->addr[0], p->src);
		fs_copy16(k->addr[1], p->dst);
		k->port[0] = c->port[0];
		k->port[1] = c->port[1];
	} else {
		c->from = 1;
		fs_copy16(k->addr[0], p->dst);
		fs_copy16(k->addr[1], p->src);
		k->port[0] = c->port[1];
		k->port[1] = c->port[0];
	}
}

/* Finds flow and payload of the packet that was found. */
static __always_inline int fs_finish(struct fs_parse *c)
{
	if (c->p.frag && c->p.frag_off) {
		c->port[0] = c->port[1] = 0;
		c->tcp_window = c->tcp_flags = c->readable = 0;
		c->seq = c->ack = c->header = c->cap = 0;
		c->payload = c->p.end - c->p.l4;
	} else {
		fs_transport(c);
		if (c->deep)
			c->why = FS_DEEP_HEADERS;
		if (c->p.frag)
			c->readable = c->cap = 0;
	}
	fs_make_key(c);
	return 0;
}

/* The transport header at l4, a constant, of a packet that ends at end. */
static __always_inline int fs_plain_transport(struct fs_parse *c, __u32 l4, __u32 end, __u8 proto)
{
	const __u8 *h = c->window + l4;
	__u32 size = end - l4, header = 8, avail = (c->have < end ? c->have : end) - l4;

	if (proto == FS_TCP) {
		if (avail < 20)
			return 0;
		header = (h[12] >> 4) * 4;
		if (header < 20 || header > size)
			return 0;
		c->tcp_flags = h[13];
		c->seq = fs_be32(h + 4);
		c->ack = fs_be32(h + 8);
		c->tcp_window = fs_be16(h + 14);
	} else {
		__u32 n = fs_be16(h + 4);

		if (avail < 8 || n < 8 || n > size)
			return 0;
		if ((c->flags & FS_P_TUNNELS) && fs_udp_tunnel(fs_be16(h), fs_be16(h + 2)))
			return 0;
		size = n;
		c->tcp_flags = 0;
		c->seq = c->ack = 0;
		c->tcp_window = 0;
	}
	c->port[0] = fs_be16(h);
	c->port[1] = fs_be16(h + 2);
	c->readable = 1;
	c->header = header;
	c->payload = size - header;
	c->cap = 0;
	if (avail > header)
		c->cap = avail - header < c->payload ? avail - header : c->payload;
	return 1;
}

/*
 * Does for whole TCP and UDP packets in Ethernet, of IPv4 without options or IPv6
 * without extension headers, what the walk does, in a fraction of the time. It
 * returns 0, having left nothing that matters, for everything else.
 */
static __always_inline int fs_plain(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	const __u8 *h = c->window;
	__u16 type;
	__u8 proto;

	if (c->loaded < 54)
		return 0;
	type = fs_be16(h + 12);
	if (type == FS_ETH_IPV4) {
		__u32 total = fs_be16(h + 16);

		proto = h[23];
		if (h[14] != 0x45 || (fs_be16(h + 20) & 0x3fff) || total < 28)
			return 0;
		if ((proto != FS_TCP && proto != FS_UDP) || !fs_plain_transport(c, 34, 14 + total, proto))
			return 0;
		p->v6 = 0;
		p->l4 = 34;
		p->end = 14 + total;
		fs_map_ipv4(p->src, h + 26);
		fs_map_ipv4(p->dst, h + 30);
	} else if (type == FS_ETH_IPV6) {
		__u32 total = fs_be16(h + 18);

		proto = h[20];
		if (h[14] >> 4 != 6 || c->loaded < 74 || total < 8)
			return 0;
		if ((proto != FS_TCP && proto != FS_UDP) || !fs_plain_transport(c, 54, 54 + total, proto))
			return 0;
		p->v6 = 1;
		p->l4 = 54;
		p->end = 54 + total;
		fs_copy16(p->src, h + 22);
		fs_copy16(p->dst, h + 38);
	} else {
		return 0;
	}
	p->l3 = 14;
	p->proto = proto;
	p->frag = p->more = p->routed = 0;
	p->frag_id = p->frag_off = 0;
	__builtin_memset(&p->encap, 0, sizeof(p->encap));
	if (c->meta_vlan[0]) {
		p->encap.vlan[0] = c->meta_vlan[1] & 0x0fff;
		p->encap.tags = 1;
	}
	c->found = 1;
	c->ip_bytes = p->end - 14;
	fs_make_key(c);
	return 1;
}

/* The kernel half makes functions of their own of these, which the verifier
 * looks at once. */
#ifndef FS_STEP
#define FS_STEP(c) fs_step(c)
#define FS_FINISH(c) fs_finish(c)
#define FS_PLAIN(c) fs_plain(c)
#endif

/*
 * Finds flow and payload of the frame whose first c->loaded bytes are in the
 * window. The caller has set what is "given"; next is FS_L_ETHERNET or FS_L_IP.
 *
 * Of the fragments of a datagram only the first has ports, as far as it brought
 * them; the others are of the flow with ports 0. Neither has payload to parse:
 * whoever wants it puts the fragments together.
 */
static __always_inline int fs_parse(struct fs_parse *c, __u8 next)
{
	int i;

	if (next == FS_L_ETHERNET && FS_PLAIN(c))
		return FS_ACCOUNTED;
	c->off = 0;
	c->ether_type = 0;
	c->next = next;
	c->deep = 0;
	c->headers = 0;
	c->parts = 0;
	c->found = 0;
	c->ip_bytes = 0;
	c->why = FS_ACCOUNTED;
	__builtin_memset(&c->at, 0, sizeof(c->at));
	if (next == FS_L_IP && c->meta_vlan[0])
		c->at.vlan[0] = c->meta_vlan[1] & 0x0fff;

	/* From header to header to the innermost packet. This is no loop: on the
	 * paths that a processor might speculate into, the verifier would follow
	 * one beyond its end. */
#pragma unroll
	for (i = 0; i < FS_MAX_STEPS; i++)
		if (!FS_STEP(c))
			goto out;
	c->deep = 1;
out:
	if (c->deep)
		c->why = FS_DEEP_HEADERS;
	else if (c->found)
		c->why = FS_ACCOUNTED;
	if (fs_load(c->why) == FS_ACCOUNTED)
		FS_FINISH(c);
	return fs_load(c->why);
}

#endif
