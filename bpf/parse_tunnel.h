/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Tunnels, from an IP packet to the header of what is in it. */
#ifndef FLOWSCOPE_PARSE_TUNNEL_H
#define FLOWSCOPE_PARSE_TUNNEL_H

#include "parse_types.h"

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

#endif
