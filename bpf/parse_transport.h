/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What is behind the innermost IP header, and the key of the flow. */
#ifndef FLOWSCOPE_PARSE_TRANSPORT_H
#define FLOWSCOPE_PARSE_TRANSPORT_H

#include "parse_types.h"

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
	c->f.window = 0;
	c->f.tcp_flags = 0;
	c->f.readable = 0;
	c->f.seq = c->f.ack = 0;
	c->f.payload = c->f.cap = 0;
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
		c->f.readable = 1;
		c->f.tcp_flags = h[13];
		c->f.seq = fs_be32(h + 4);
		c->f.ack = fs_be32(h + 8);
		if (avail < 16)
			break;
		h = fs_at(c, l4, 16);
		if (h)
			c->f.window = fs_be16(h + 14);
		break;
	case FS_UDP:
		fs_ports(c, l4, avail);
		header = 8;
		c->f.readable = size >= 8;
		if (avail >= 6) {
			h = fs_at(c, l4, 6);
			n = h ? fs_be16(h + 4) : 0;
			if (n) { /* 0 is a jumbogram (RFC 2675, 4) */
				c->f.readable = n >= 8 && n <= size;
				size = n;
			}
		}
		if (!c->f.readable)
			header = size;
		break;
	case FS_SCTP:
		fs_ports(c, l4, avail);
		header = 12;
		c->f.readable = size >= 12;
		break;
	case FS_ICMP:
	case FS_ICMPV6:
		header = 8;
		c->f.readable = size >= 8;
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
		c->f.readable = 1;
	}
	c->f.header = header;
	if (size > header)
		c->f.payload = size - header;
	if (avail > header) {
		n = avail - header;
		c->f.cap = n < c->f.payload ? n : c->f.payload;
	}
}

/* Makes the key of the packet that was found. */
static __always_inline void fs_make_key(struct fs_parse *c)
{
	struct fs_packet *p = &c->p;
	struct fs_key *k = &c->f.key;

	k->tunnel = 0;
	k->vlan = 0;
	k->kind = 0;
	k->proto = p->proto;
	if (c->flags & FS_P_KEY_VLAN)
		k->vlan = p->encap.vlan[0];
	if ((c->flags & FS_P_KEY_TUNNEL) && !p->encap.one_way)
		k->tunnel = p->encap.tunnel_id;
	c->f.from = fs_order(k, p->src, p->dst, c->port[0], c->port[1]);
}

/* Finds flow and payload of the packet that was found. */
static __always_inline int fs_finish(struct fs_parse *c)
{
	if (c->p.frag && c->p.frag_off) {
		c->port[0] = c->port[1] = 0;
		c->f.window = c->f.tcp_flags = c->f.readable = 0;
		c->f.seq = c->f.ack = c->f.header = c->f.cap = 0;
		c->f.payload = c->p.end - c->p.l4;
	} else {
		fs_transport(c);
		if (c->deep)
			c->why = FS_DEEP_HEADERS;
		if (c->p.frag)
			c->f.readable = c->f.cap = 0;
	}
	fs_make_key(c);
	c->f.l3 = c->p.l3;
	c->f.l4 = c->p.l4;
	c->f.end = c->p.end;
	c->f.proto = c->p.proto;
	c->f.v6 = c->p.v6;
	c->f.frag = c->p.frag;
	c->f.vlan[0] = c->p.encap.vlan[0];
	c->f.vlan[1] = c->p.encap.vlan[1];
	c->f.tunnel = c->p.encap.tunnel;
	c->f.tunnel_id = c->p.encap.tunnel_id;
	return 0;
}

#endif
