/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Link layers, down to the network header: Ethernet, VLAN, PPP, MPLS. */
#ifndef FLOWSCOPE_PARSE_LINK_H
#define FLOWSCOPE_PARSE_LINK_H

#include "parse_types.h"

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

#endif
