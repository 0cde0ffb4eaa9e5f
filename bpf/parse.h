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

#include "parse_ip.h"
#include "parse_link.h"
#include "parse_plain.h"
#include "parse_transport.h"
#include "parse_tunnel.h"

/* The IP packet at off. It counts as found when it is known to fit. */
static __always_inline int fs_found_ip(struct fs_parse *c)
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
		why = fs_found_ip(c);
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

/* The kernel half makes functions of their own of these, which the verifier
 * looks at once. */
#ifndef FS_STEP
#define FS_STEP(c) fs_step(c)
#define FS_FINISH(c) fs_finish(c)
#endif

/*
 * Finds flow and payload (c->f) of the frame whose first c->loaded bytes are in
 * the window. The caller has set what is "given"; next is FS_L_ETHERNET or FS_L_IP.
 *
 * Of the fragments of a datagram only the first has ports, as far as it brought
 * them; the others are of the flow with ports 0. Neither has payload to parse:
 * whoever wants it puts the fragments together.
 */
static __always_inline int fs_walk(struct fs_parse *c, __u8 next)
{
	int i;

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
