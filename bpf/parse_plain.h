/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Whole TCP and UDP packets of IPv4 without options or IPv6 without extension
 * headers, in Ethernet or in nothing: what the walk finds, in a fraction of the
 * time. Nearly every packet of a host is one.
 *
 * h is the frame, of which the bytes before end can be read. In the kernel it is
 * the packet itself, where only constants may be added to a pointer.
 */
#ifndef FLOWSCOPE_PARSE_PLAIN_H
#define FLOWSCOPE_PARSE_PLAIN_H

#include "parse_tunnel.h"
#include "parse_types.h"

/* The transport header t, at l4, of a packet that ends at q->end. */
static __always_inline int fs_plain_transport(struct fs_classified *q, const __u8 *t,
					      const __u8 *end, __u32 l4, __u8 proto, __u32 have,
					      __u32 flags)
{
	__u32 size = q->end - l4, header = 8, avail = (have < q->end ? have : q->end) - l4;

	if (proto == FS_TCP) {
		if (avail < 20 || t + 20 > end)
			return 0;
		header = (t[12] >> 4) * 4;
		if (header < 20 || header > size)
			return 0;
		q->tcp_flags = t[13];
		q->seq = fs_be32(t + 4);
		q->ack = fs_be32(t + 8);
		q->window = fs_be16(t + 14);
	} else if (proto == FS_UDP) {
		__u32 n = fs_be16(t + 4);

		if (avail < 8 || n < 8 || n > size)
			return 0;
		if ((flags & FS_P_TUNNELS) && fs_udp_tunnel(fs_be16(t), fs_be16(t + 2)))
			return 0;
		size = n;
		q->tcp_flags = 0;
		q->seq = q->ack = 0;
		q->window = 0;
	} else {
		return 0;
	}
	q->proto = proto;
	q->header = header;
	q->payload = size - header;
	q->cap = 0;
	if (avail > header)
		q->cap = avail - header < q->payload ? avail - header : q->payload;
	return 1;
}

static __always_inline int fs_plain4(struct fs_classified *q, const __u8 *h, const __u8 *end,
				     __u32 l3, __u32 have, __u32 flags)
{
	struct fs_key *k = &q->key;
	const __u8 *ip = h + l3, *t = ip + 20;
	__u16 sport, dport;
	__u32 src, dst;

	fs_opaque(ip);
	fs_opaque(t);
	if (t + 8 > end)
		return 0;
	q->v6 = 0;
	q->end = l3 + fs_be16(ip + 2);
	if (ip[0] != 0x45 || (fs_be16(ip + 6) & 0x3fff) || q->end < l3 + 28)
		return 0;
	if (!fs_plain_transport(q, t, end, l3 + 20, ip[9], have, flags))
		return 0;
	src = *(const fs_u32 *)(ip + 12);
	dst = *(const fs_u32 *)(ip + 16);
	sport = fs_be16(t);
	dport = fs_be16(t + 2);
	q->from = fs_less((__u64)__builtin_bswap32(dst) << 16 | dport,
			  (__u64)__builtin_bswap32(src) << 16 | sport);
	((fs_u64 *)k->addr)[0] = ((fs_u64 *)k->addr)[2] = 0;
	((fs_u32 *)k->addr)[2] = ((fs_u32 *)k->addr)[6] = 0xffff0000;
	fs_store32(k->addr[0] + 12, k->addr[1] + 12, src, dst, q->from);
	fs_store_ports(k, sport, dport, q->from);
	return 1;
}

static __always_inline int fs_plain6(struct fs_classified *q, const __u8 *h, const __u8 *end,
				     __u32 l3, __u32 have, __u32 flags)
{
	const __u8 *ip = h + l3, *t = ip + 40;

	fs_opaque(ip);
	fs_opaque(t);
	if (t + 8 > end)
		return 0;
	q->v6 = 1;
	q->end = l3 + 40 + fs_be16(ip + 4);
	if (ip[0] >> 4 != 6 || q->end < l3 + 48)
		return 0;
	if (!fs_plain_transport(q, t, end, l3 + 40, ip[6], have, flags))
		return 0;
	q->from = fs_order(&q->key, ip + 8, ip + 24, fs_be16(t), fs_be16(t + 2));
	return 1;
}

/*
 * Classifies a frame of have bytes, and says whether it could: if not, the walk
 * has to. next is FS_L_ETHERNET or FS_L_IP.
 */
static __always_inline int fs_plain(struct fs_classified *q, const __u8 *h, const __u8 *end,
				    __u8 next, __u32 have, __u32 flags, __u32 tagged, __u16 tci)
{
	if (next == FS_L_ETHERNET) {
		__u16 type;

		if (h + 14 > end)
			return 0;
		type = fs_be16(h + 12);
		q->l3 = 14;
		if (type == FS_ETH_IPV4) {
			if (!fs_plain4(q, h, end, 14, have, flags))
				return 0;
			q->l4 = 34;
		} else if (type == FS_ETH_IPV6) {
			if (!fs_plain6(q, h, end, 14, have, flags))
				return 0;
			q->l4 = 54;
		} else {
			return 0;
		}
	} else {
		if (h + 1 > end)
			return 0;
		q->l3 = 0;
		if (h[0] >> 4 == 4) {
			if (!fs_plain4(q, h, end, 0, have, flags))
				return 0;
			q->l4 = 20;
		} else {
			if (!fs_plain6(q, h, end, 0, have, flags))
				return 0;
			q->l4 = 40;
		}
	}
	q->vlan[0] = tagged ? tci & 0x0fff : 0;
	q->vlan[1] = 0;
	q->tunnel = 0;
	q->tunnel_id = 0;
	q->readable = 1;
	q->frag = 0;
	q->key.tunnel = 0;
	q->key.vlan = flags & FS_P_KEY_VLAN ? q->vlan[0] : 0;
	q->key.proto = q->proto;
	q->key.kind = 0;
	return 1;
}

#endif
