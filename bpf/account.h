/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Books a frame: in the books of its hook, and in its flow. */
#ifndef FLOWSCOPE_ACCOUNT_H
#define FLOWSCOPE_ACCOUNT_H

#include "maps.h"

/* A frame, apart from its bytes. */
struct fs_frame {
	__u32 len;
	__u32 wire; /* length on the wire: len, unless it is of a capture */
	__u32 ifindex;
	__u32 gso_size, gso_segs;
	__u32 tagged; /* a VLAN tag is beside its bytes */
	__u16 tci, tpid; /* of it, in host byte order */
	__u64 now;
};

/* The time to a tick, which takes a tenth of what the time takes: good enough for
 * when the last packet was seen that is counted only. */
static __always_inline __u64 fs_now(void)
{
	return fs_coarse ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns();
}

static __always_inline void fs_add(struct fs_sum *s, const struct fs_wire *w)
{
	s->packets += w->packets;
	s->bytes += w->frame_bytes;
}

/*
 * A super-packet, made of several by receive offload or to be cut by the card,
 * counts as what is on the wire: each segment has all headers.
 */
static __always_inline void fs_segments(struct fs_wire *w, const struct fs_classified *q,
					const struct fs_frame *fr)
{
	__u32 segs = fr->gso_segs, headers;

	if (!segs) /* from outside: nobody counted yet */
		segs = (q->payload + fr->gso_size - 1) / fr->gso_size;
	if (segs < 2 || segs > 0xffff)
		return;
	headers = q->l4 + q->header;
	w->packets = segs;
	w->bytes += (segs - 1) * (headers - q->l3);
	w->frame_bytes += (segs - 1) * (headers + (fr->tagged ? 4 : 0));
}

/*
 * Whether another flow may begin. An established flow must find room when it
 * comes again, whatever others do: so many may begin as leave room for all that
 * were in the map before, and not too many of these in one second.
 */
static __always_inline int fs_may_begin(__u64 now)
{
	__u32 zero = 0, one = 1;
	struct fs_control *g = bpf_map_lookup_elem(&control, &zero);
	struct fs_control *set = bpf_map_lookup_elem(&control, &one);

	if (!g || !set)
		return 0;
	if (now - g->second > 1000000000ULL) {
		g->second = now;
		g->began = 0;
	}
	if (g->began >= g->max_new || g->fresh >= set->until)
		return 0;
	__sync_fetch_and_add(&g->began, 1);
	return 1;
}

/* Takes over from the map at a place what must outlast it, and says whether the
 * flow is there. */
static __always_inline int fs_inherit(struct fs_flow *fresh, const struct fs_key *k, __u32 place)
{
	void *before = bpf_map_lookup_elem(&flows, &place);
	struct fs_flow *old;

	if (!before)
		return 0;
	old = bpf_map_lookup_elem(before, k);
	if (!old)
		return 0;
	fresh->known = 1;
	fresh->bypass = old->bypass;
	fresh->skips = old->skips;
	fresh->until[0] = old->until[0];
	fresh->until[1] = old->until[1];
	fresh->ifindex[0] = old->ifindex[0];
	fresh->ifindex[1] = old->ifindex[1];
	fresh->dir[0].used = old->dir[0].used;
	fresh->dir[1].used = old->dir[1].used;
	fresh->dir[0].last = old->dir[0].last;
	fresh->dir[1].last = old->dir[1].last;
	return 1;
}

/*
 * Makes the flow of q in the map that is counted in now, and says whether it may.
 * It hands out no pointer: one that is 0 on a path and tested again behind it is,
 * where the processor might speculate, any number to the verifier.
 */
static __always_inline int fs_begin(void *inner, struct fs_scratch *s,
				    struct fs_classified *q, __u64 now)
{
	struct fs_flow *fresh = &s->fresh;
	struct fs_control *g;
	__u32 zero = 0;

	__builtin_memset(fresh, 0, sizeof(*fresh));
	if (!fs_inherit(fresh, &q->key, 1)) {
		if (!fs_inherit(fresh, &q->key, 2) && !fs_may_begin(now))
			return 0;
		g = bpf_map_lookup_elem(&control, &zero);
		if (g)
			__sync_fetch_and_add(&g->fresh, 1);
	}
	fresh->tunnel_id = q->tunnel_id;
	fresh->vlan[0] = q->vlan[0];
	fresh->vlan[1] = q->vlan[1];
	fresh->tunnel = q->tunnel;
	bpf_map_update_elem(inner, &q->key, fresh, BPF_NOEXIST);
	return 1;
}

/* Counts a frame for which there is no room in the flow map. */
static __always_inline void fs_overflow_add(struct fs_ledger *l, struct fs_scratch *s,
					    const struct fs_wire *w)
{
	__u32 row = FS_OVERFLOW_OTHER, payload = s->parse.f.payload;

	switch (s->parse.f.proto) {
	case FS_TCP:
		row = FS_OVERFLOW_TCP;
		l->offered += payload;
		l->fate[FS_NO_FLOW] += payload;
		break;
	case FS_UDP:
		row = FS_OVERFLOW_UDP;
		l->offered += payload;
		l->fate[FS_NO_FLOW] += payload;
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
static __always_inline int fs_counts_here(struct fs_flow *f, const struct fs_dir *d, __u32 from,
					  const struct fs_frame *fr)
{
	__u32 a = fs_load(f->ifindex[0]), b = fs_load(f->ifindex[1]);
	__u32 counts = a ^ ((a ^ b) & -from);

	if (counts == fr->ifindex)
		return 1;
	if (counts && (__s64)(fr->now - d->last) < FS_HANDOVER)
		return 0;
	f->ifindex[from] = fr->ifindex;
	return 1;
}

/* Notes that this hook sees the flow, too: the number of its books and 1, or 255 for
 * all beyond that. Which of four bytes is 0 is Mycroft's test. */
static __always_inline void fs_also(struct fs_flow *f)
{
	__u32 here = fs_hook < 254 ? fs_hook + 1 : 255, also = fs_load(f->also);
	__u32 same = also ^ here * 0x01010101;

	if (!((same - 0x01010101) & ~same & 0x80808080))
		f->also = also << 8 | here;
}

static __always_inline void fs_count(struct fs_dir *d, const struct fs_classified *q,
				     const struct fs_wire *w, __u64 now)
{
	__u8 flags = q->tcp_flags;

	if (!d->first)
		d->first = now = bpf_ktime_get_ns();
	if (d->last < now)
		d->last = now;
	if (flags & ~d->tcp_flags)
		d->tcp_flags |= flags;
	__sync_fetch_and_add(&d->packets, w->packets);
	__sync_fetch_and_add(&d->bytes, w->bytes);
	__sync_fetch_and_add(&d->frame_bytes, w->frame_bytes);
	if (q->payload)
		__sync_fetch_and_add(&d->payload_bytes, q->payload);
}

#endif
