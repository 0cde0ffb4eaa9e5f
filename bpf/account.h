/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Books a frame: in the books of its hook, and in its flow. */
#ifndef FLOWSCOPE_ACCOUNT_H
#define FLOWSCOPE_ACCOUNT_H

#include "maps.h"

/* A frame, apart from its bytes. */
struct fs_frame {
	__u32 len; /* with a VLAN tag that is beside it */
	__u32 ifindex;
	__u32 gso_size, gso_segs;
	__u64 now;
};

/* What a frame stands for on the wire. */
struct fs_wire {
	__u32 packets;
	__u32 bytes; /* of IP packets */
	__u32 frame_bytes;
};

static __always_inline void fs_add(struct fs_sum *s, const struct fs_wire *w)
{
	s->packets += w->packets;
	s->bytes += w->frame_bytes;
}

/*
 * A super-packet, made of several by receive offload or to be cut by the card,
 * counts as what is on the wire: each segment has all headers.
 */
static __always_inline void fs_segments(struct fs_wire *w, struct fs_parse *c,
					const struct fs_frame *fr)
{
	__u32 segs = fr->gso_segs, headers;

	if (!fr->gso_size)
		return;
	if (!segs) /* from outside: nobody counted yet */
		segs = (c->payload + fr->gso_size - 1) / fr->gso_size;
	if (segs < 2 || segs > 0xffff)
		return;
	headers = c->p.l4 + c->header;
	w->packets = segs;
	w->bytes += (segs - 1) * (headers - c->p.l3);
	w->frame_bytes += (segs - 1) * (headers + (c->meta_vlan[0] ? 4 : 0));
}

/* Whether another flow may begin: an established flow must find room when it
 * comes again, whatever others do. */
static __always_inline int fs_may_begin(__u64 now)
{
	__u32 zero = 0;
	struct fs_control *g = bpf_map_lookup_elem(&control, &zero);

	if (!g)
		return 0;
	if (now - g->second > 1000000000ULL) {
		g->second = now;
		g->began = 0;
	}
	if (g->began >= g->max_new)
		return 0;
	__sync_fetch_and_add(&g->began, 1);
	return 1;
}

/* Makes the flow of c in the map that is counted in now. */
static __always_inline struct fs_flow *fs_begin(void *inner, struct fs_scratch *s, __u64 now)
{
	struct fs_parse *c = &s->parse;
	struct fs_flow *fresh = &s->fresh, *old = 0;
	__u32 one = 1;
	void *before = bpf_map_lookup_elem(&flows, &one);

	if (before)
		old = bpf_map_lookup_elem(before, &c->key);
	__builtin_memset(fresh, 0, sizeof(*fresh));
	if (old) {
		fresh->known = 1;
		fresh->bypass = old->bypass;
		fresh->dir[0].used = old->dir[0].used;
		fresh->dir[1].used = old->dir[1].used;
		fresh->dir[0].ifindex = old->dir[0].ifindex;
		fresh->dir[1].ifindex = old->dir[1].ifindex;
		fresh->dir[0].last = old->dir[0].last;
		fresh->dir[1].last = old->dir[1].last;
	} else if (!fs_may_begin(now)) {
		return 0;
	}
	fresh->tunnel_id = c->p.encap.tunnel_id;
	fresh->vlan[0] = c->p.encap.vlan[0];
	fresh->vlan[1] = c->p.encap.vlan[1];
	fresh->tunnel = c->p.encap.tunnel;
	bpf_map_update_elem(inner, &c->key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(inner, &c->key); /* ours, or that of another CPU */
}

static __always_inline struct fs_flow *fs_flow_of(struct fs_scratch *s, __u64 now)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&flows, &zero);
	struct fs_flow *f;

	if (!inner)
		return 0;
	f = bpf_map_lookup_elem(inner, &s->parse.key);
	return f ? f : fs_begin(inner, s, now);
}

static __always_inline void fs_overflow_add(struct fs_ledger *l, struct fs_scratch *s,
					    const struct fs_wire *w)
{
	__u32 row = FS_OVERFLOW_OTHER;

	switch (s->parse.p.proto) {
	case FS_TCP:
		row = FS_OVERFLOW_TCP;
		break;
	case FS_UDP:
		row = FS_OVERFLOW_UDP;
		break;
	case FS_ICMP:
	case FS_ICMPV6:
		row = FS_OVERFLOW_ICMP;
	}
	row = fs_index(s, row);
	if (row < FS_OVERFLOWS)
		fs_add(&l->overflow[row], w);
}

/* Whether this interface counts the direction: the first that saw it does. */
static __always_inline int fs_counts_here(struct fs_dir *d, const struct fs_frame *fr)
{
	if (d->ifindex == fr->ifindex)
		return 1;
	if (d->ifindex && fr->now - d->last < FS_HANDOVER)
		return 0;
	d->ifindex = fr->ifindex;
	return 1;
}

static __always_inline void fs_count(struct fs_dir *d, struct fs_parse *c,
				     const struct fs_wire *w, __u64 now)
{
	__u8 flags = c->tcp_flags;

	__sync_fetch_and_add(&d->packets, w->packets);
	__sync_fetch_and_add(&d->bytes, w->bytes);
	__sync_fetch_and_add(&d->frame_bytes, w->frame_bytes);
	if (c->payload)
		__sync_fetch_and_add(&d->payload_bytes, c->payload);
	if (!d->first)
		d->first = now;
	if (d->last < now)
		d->last = now;
	if (flags & ~d->tcp_flags)
		d->tcp_flags |= flags;
}

#endif
