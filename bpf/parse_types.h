/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The state of the classifier, the numbers it knows, and its cursor. */
#ifndef FLOWSCOPE_PARSE_TYPES_H
#define FLOWSCOPE_PARSE_TYPES_H

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

/* What counting and forwarding need of a frame. */
struct fs_classified {
	struct fs_key key;
	__u32 from;
	__u32 l3, l4, end; /* of the innermost IP packet, from the start of the frame */
	__u32 header;	   /* length of the transport header */
	__u32 payload;	   /* bytes on the wire behind it */
	__u32 cap;	   /* of them, captured */
	__u32 seq, ack;
	__u32 tunnel_id;
	__u16 vlan[2];
	__u16 window;
	__u8 proto, v6;
	__u8 tcp_flags;
	__u8 readable; /* header and payload can be told apart */
	__u8 frag;
	__u8 tunnel;
} __attribute__((aligned(8)));

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
	struct fs_classified f;

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

/* Both processors that there are objects for are little-endian, and may load from
 * anywhere; byte by byte would be four times as slow. */
typedef __u16 __attribute__((may_alias)) fs_u16;
typedef __u32 __attribute__((may_alias)) fs_u32;
typedef __u64 __attribute__((may_alias)) fs_u64;

static __always_inline __u16 fs_be16(const __u8 *b)
{
	return __builtin_bswap16(*(const fs_u16 *)b);
}

static __always_inline __u32 fs_be32(const __u8 *b)
{
	return __builtin_bswap32(*(const fs_u32 *)b);
}

static __always_inline __u64 fs_be64(const __u8 *b)
{
	return __builtin_bswap64(*(const fs_u64 *)b);
}

static __always_inline void fs_copy16(__u8 *dst, const __u8 *src)
{
	((fs_u64 *)dst)[0] = ((const fs_u64 *)src)[0];
	((fs_u64 *)dst)[1] = ((const fs_u64 *)src)[1];
}

/* 1 if b < a, or 0; not by a branch, or else the verifier would know which. */
static __always_inline __u32 fs_less(__u64 b, __u64 a)
{
	__u64 borrow = (~b & a) | ((~b | a) & (b - a));

	fs_opaque(borrow);
	return borrow >> 63;
}

/* Stores a and b, or b and a if from is not 0. */
static __always_inline void fs_store64(void *x, void *y, __u64 a, __u64 b, __u64 from)
{
	__u64 swap = (a ^ b) & -from;

	*(fs_u64 *)x = a ^ swap;
	*(fs_u64 *)y = b ^ swap;
}

static __always_inline void fs_store32(void *x, void *y, __u32 a, __u32 b, __u32 from)
{
	__u32 swap = (a ^ b) & -from;

	*(fs_u32 *)x = a ^ swap;
	*(fs_u32 *)y = b ^ swap;
}

static __always_inline void fs_store_ports(struct fs_key *k, __u16 src, __u16 dst, __u32 from)
{
	__u32 swap = (src ^ dst) & -from;

	k->port[0] = src ^ swap;
	k->port[1] = dst ^ swap;
}

/* Puts the endpoints into the key, the one that sorts first as number 0, and
 * returns the number of the sender. */
static __always_inline __u32 fs_order(struct fs_key *k, const __u8 *src, const __u8 *dst,
				      __u16 sport, __u16 dport)
{
	__u64 a = fs_be64(src), b = fs_be64(dst);
	__u32 from;

	if (a == b) {
		a = fs_be64(src + 8);
		b = fs_be64(dst + 8);
		if (a == b) {
			a = sport;
			b = dport;
		}
	}
	from = fs_less(b, a);
	fs_store64(k->addr[0], k->addr[1], *(const fs_u64 *)src, *(const fs_u64 *)dst, from);
	fs_store64(k->addr[0] + 8, k->addr[1] + 8, *(const fs_u64 *)(src + 8),
		   *(const fs_u64 *)(dst + 8), from);
	fs_store_ports(k, sport, dport, from);
	return from;
}

/*
 * The n bytes at off, at least one and at most FS_SLACK, or 0.
 *
 * What bounds the pointer is a mask and no branch. Where an offset is looked at
 * twice the verifier knows which way a branch goes, but for what a processor might
 * speculate it follows the other, too, and knows nothing of the offset there.
 */
static __always_inline __u8 *fs_at(struct fs_parse *c, __u32 off, __u32 n)
{
	if (off > 0x40000 || off + n > c->have)
		return 0;
	if (off + n > c->loaded) {
		c->deep = 1;
		return 0;
	}
	fs_opaque(off);
	return c->window + (off & (FS_WINDOW - 1));
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

#endif
