/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* IPv4, IPv6 and their extension headers. */
#ifndef FLOWSCOPE_PARSE_IP_H
#define FLOWSCOPE_PARSE_IP_H

#include "parse_types.h"

static __always_inline void fs_map_ipv4(__u8 *dst, const __u8 *a)
{
	*(fs_u64 *)dst = 0;
	*(fs_u32 *)(dst + 8) = 0xffff0000;
	*(fs_u32 *)(dst + 12) = *(const fs_u32 *)a;
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

#endif
