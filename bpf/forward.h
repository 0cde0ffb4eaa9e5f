/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Sends payload to user space, under the flow's budget and until its verdict. */
#ifndef FLOWSCOPE_FORWARD_H
#define FLOWSCOPE_FORWARD_H

#include "account.h"

#define FS_TCP_FIN 0x01
#define FS_TCP_SYN 0x02
#define FS_TCP_RST 0x04

static __always_inline int fs_load_bytes(void *ctx, int xdp, __u32 off, void *to, __u32 n)
{
	return xdp ? bpf_xdp_load_bytes(ctx, off, to, n) : bpf_skb_load_bytes(ctx, off, to, n);
}

/* The ring of a flow, the same for both of its directions. */
static __always_inline __u32 fs_ring_of(const struct fs_key *k)
{
	__u64 h = 0;
	int i;

#pragma unroll
	for (i = 0; i < 8; i++)
		h = (h ^ ((const __u32 *)k->addr)[i]) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ ((__u32)k->port[0] << 16 | k->port[1])) * 0x9e3779b97f4a7c15ULL;
	return (h >> 40) & fs_ring_mask;
}

/* Sends s->record and n bytes of s->slice. */
static __always_inline int fs_send(struct fs_scratch *s, __u32 n)
{
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u32 waiting, after, hook = fs_hook;
	void *ring = bpf_map_lookup_elem(&rings, &s->ring);
	struct fs_ledger *l;

	if (!ring)
		return -1;
	s->waiting = waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	/* Once for so many bytes: it takes as long as twenty records. Each has 8
	 * bytes of header and ends at a multiple of 8. */
	after = waiting + ((sizeof(s->record) + n + 15) & ~7U);
	if ((after ^ waiting) >= fs_wake_at)
		flags = BPF_RB_FORCE_WAKEUP;
	fs_opaque(n);
	if (n > FS_SLICE)
		return -1;
	if (!bpf_ringbuf_output(ring, &s->record, sizeof(s->record) + n, flags))
		return 0;
	l = bpf_map_lookup_elem(&ledger, &hook);
	if (l)
		l->refused++;
	return -1;
}

static __always_inline void fs_head(struct fs_scratch *s, const struct fs_classified *q,
				    struct fs_dir *d)
{
	struct fs_record *r = &s->record;
	__u64 now = bpf_ktime_get_ns();

	if (d->last < now)
		d->last = now;
	s->flags = q->tcp_flags;
	r->time = now;
	r->key = q->key;
	r->seq = q->seq;
	r->ack = q->ack;
	r->window = q->window;
	r->tcp_flags = q->tcp_flags;
	r->from = q->from;
	r->tunnel = q->tunnel;
	r->tunnel_id = q->tunnel_id;
	r->vlan[0] = q->vlan[0];
	r->vlan[1] = q->vlan[1];
	r->lost = d->unsent > 0 ? d->unsent : 0;
	r->lost_why = d->why;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
}

/* Notes payload that stays here. */
static __always_inline void fs_keep(struct fs_ledger *l, struct fs_dir *d, __u32 n, __u32 why)
{
	__sync_fetch_and_add(&d->unsent, n);
	d->why = why;
	l->fate[why] += n;
}

/* Tells the end of the connection without what is left. */
static __always_inline void fs_slice_end(struct fs_scratch *s)
{
	if (!(s->flags & (FS_TCP_FIN | FS_TCP_RST)))
		return;
	s->record.tcp_flags = s->flags & ~FS_TCP_SYN;
	s->record.wire_len = s->left;
	s->record.cap_len = 0;
	if (fs_send(s, 0))
		return;
	s->slices++;
	s->told = s->left;
}

/* Sends the next slice and says whether there are more. It knows only what is in
 * scratch: see fs_slice_skb. */
static __always_inline int fs_slice(void *ctx, int xdp, struct fs_scratch *s)
{
	__u32 left = s->left, n = left < s->chunk ? left : s->chunk;
	__u32 copy, size;
	__u8 flags = s->flags;

	if (s->room <= 0) {
		s->failed = FS_OVER_BUDGET;
		fs_slice_end(s);
		return 0;
	}
	if (n > s->room && s->parse.f.proto == FS_TCP) /* a datagram goes whole */
		n = s->room;
	copy = n < FS_SLICE ? n : FS_SLICE;
	if (copy > s->there)
		copy = s->there;
	if (s->slices)
		flags &= ~FS_TCP_SYN;
	if (n < left)
		flags &= ~FS_TCP_FIN;
	s->record.tcp_flags = flags;
	s->record.wire_len = n;
	s->record.cap_len = copy;
	if (copy) {
		size = copy - 1;
		fs_opaque(size);
		size &= FS_SLICE - 1;
		if (fs_load_bytes(ctx, xdp, s->at, s->slice, size + 1)) {
			s->failed = FS_CUT;
			return 0;
		}
	}
	if (fs_send(s, s->record.cap_len)) {
		s->failed = FS_RING_FULL;
		return 0;
	}
	n = s->record.wire_len;
	copy = s->record.cap_len;
	s->slices++;
	s->sent += copy;
	s->cut += n - copy;
	s->left -= n;
	s->there -= copy;
	s->room -= copy;
	s->at += n;
	s->record.seq += n;
	s->record.lost = 0;
	return s->left != 0;
}

/* Sends the payload in slices: of TCP, of as many bytes as fit; of UDP, one for
 * each datagram. What is behind room stays here, to the byte of TCP. */
static __always_inline void fs_slices(void *ctx, int xdp, struct fs_scratch *s,
				      struct fs_ledger *l, struct fs_dir *d,
				      const struct fs_classified *q, __u32 gso_size)
{
	__u64 told = s->record.lost;
	__u32 left, why;

	s->left = q->payload;
	s->there = q->cap;
	s->at = q->l4 + q->header;
	s->chunk = q->payload;
	if (q->proto == FS_TCP || fs_through)
		s->chunk = FS_SLICE;
	else if (gso_size)
		s->chunk = gso_size;
	s->slices = s->sent = s->cut = s->told = 0;
	s->failed = FS_CUT;
	if (xdp)
		fs_slices_xdp(ctx);
	else
		fs_slices_skb(ctx);
	if (fs_load(s->slices)) {
		if (told) /* the news of what was lost before went out with the first */
			__sync_fetch_and_add(&d->unsent, -told);
		l->slices += s->slices;
		l->fate[FS_FORWARDED] += s->sent;
		l->fate[FS_CUT] += s->cut;
		__sync_fetch_and_add(&d->used, s->sent);
	}
	left = fs_load(s->left);
	if (!left)
		return;
	why = fs_index(s, fs_load(s->failed));
	__sync_fetch_and_add(&d->unsent, left - fs_load(s->told));
	d->why = why;
	if (why < FS_FATES)
		l->fate[why] += left;
}

/* The budget: what was set, halved for each time that rings were found filling. */
static __always_inline __s64 fs_budget(const struct fs_control *g)
{
	__u64 budget = g->budget, less, n = g->squeeze;

	if (!n)
		return budget;
	less = budget >> (n & 31);
	if (less < FS_SLICE)
		less = FS_SLICE;
	return less < budget ? less : budget;
}

/*
 * Shrinks the budget while a ring fills, and restores it slowly: then what is
 * lost is the rest of long flows, not whatever finds the ring full. Two CPUs that
 * do this at the same time do it once or twice.
 */
static __always_inline void fs_squeeze(struct fs_control *g, __u32 waiting, __u64 now)
{
	__s64 since = now - g->squeezed;
	__u64 n = g->squeeze;

	if (waiting >= fs_squeeze_at) {
		if (since < FS_SQUEEZE_AFTER || n >= FS_MAX_SQUEEZE)
			return;
		n++;
	} else {
		if (!n || since < FS_RESTORE_AFTER || waiting >= fs_squeeze_at / 4)
			return;
		n--;
	}
	g->squeeze = n;
	g->squeezed = now;
}

/* Whether user space wants nothing of the direction that ends before here. */
static __always_inline int fs_skipped(struct fs_flow *f, const struct fs_classified *q, __u32 from)
{
	__u32 a = fs_load(f->until[0]), b = fs_load(f->until[1]);
	__u32 until = a ^ ((a ^ b) & -from);

	if (!(f->skips >> from & 1) || q->proto != FS_TCP)
		return 0;
	return (__s32)(q->seq + q->payload - until) <= 0;
}

/* Tells the end of the connection without what came with it. */
static __always_inline void fs_tell_end(struct fs_scratch *s, struct fs_ledger *l,
					struct fs_dir *d, __u32 payload)
{
	s->record.wire_len = payload;
	s->record.cap_len = 0;
	if (fs_end_once(0))
		return;
	__sync_fetch_and_add(&d->unsent, -(s->record.lost + payload));
	l->slices++;
}

/* Offers what a packet carries to user space. Only what parsers can use crosses:
 * payload, and the flags that begin and end a connection. */
static __always_inline void fs_forward(void *ctx, int xdp, struct fs_scratch *s,
				       struct fs_ledger *l, struct fs_flow *f, struct fs_dir *d,
				       __u32 from, const struct fs_frame *fr)
{
	struct fs_classified *q = &s->parse.f;
	__u32 payload = q->payload, zero = 0, all = fs_through, why;
	__u8 mark = q->tcp_flags & (FS_TCP_SYN | FS_TCP_FIN | FS_TCP_RST);
	struct fs_control *g;
	__s64 room;

	if (q->proto != FS_TCP && q->proto != FS_UDP && !all)
		return;
	l->offered += payload;
	if (!payload && !mark && !all)
		return;
	if (q->frag || !q->readable) { /* or the frame ends in the transport header */
		why = fs_index(s, q->frag ? FS_FRAGMENT : FS_CUT);
		if (why >= FS_FATES)
			return;
		if (all)
			fs_head(s, q, d);
		fs_keep(l, d, payload, why);
		if (all)
			fs_tell_end(s, l, d, payload);
		return;
	}
	g = bpf_map_lookup_elem(&control, &zero);
	if (!g)
		return;
	if (mark)
		fs_head(s, q, d);
	if (f->bypass || fs_skipped(f, q, from)) {
		if (payload)
			fs_keep(l, d, payload, FS_BYPASSED);
		if (mark)
			fs_tell_end(s, l, d, payload);
		return;
	}
	room = fs_budget(g) - d->used;
	if (room <= 0) {
		if (payload)
			fs_keep(l, d, payload, FS_OVER_BUDGET);
		if (mark)
			fs_tell_end(s, l, d, payload);
		if (g->squeeze && (__s64)(fr->now - g->squeezed) >= FS_RESTORE_AFTER)
			fs_restore_once(fr->now, fr->now);
		return;
	}
	s->room = room;
	fs_head(s, q, d);
	fs_slices(ctx, xdp, s, l, d, q, fr->gso_size);
	fs_squeeze(g, fs_load(s->waiting), fs_load(s->record.time));
}

#endif
