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
	void *ring = bpf_map_lookup_elem(&rings, &s->ring);

	if (!ring)
		return -1;
	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= fs_wake_at)
		flags = BPF_RB_FORCE_WAKEUP;
	fs_opaque(n);
	if (n > FS_SLICE)
		return -1;
	return bpf_ringbuf_output(ring, &s->record, sizeof(s->record) + n, flags);
}

static __always_inline void fs_head(struct fs_scratch *s, struct fs_dir *d, __u64 now)
{
	struct fs_record *r = &s->record;
	struct fs_parse *c = &s->parse;

	r->time = now;
	r->key = c->key;
	r->seq = c->seq;
	r->ack = c->ack;
	r->window = c->tcp_window;
	r->tcp_flags = c->tcp_flags;
	r->from = c->from;
	r->tunnel = c->p.encap.tunnel;
	r->tunnel_id = c->p.encap.tunnel_id;
	r->vlan[0] = c->p.encap.vlan[0];
	r->vlan[1] = c->p.encap.vlan[1];
	r->lost = d->unsent > 0 ? d->unsent : 0;
	r->lost_why = d->why;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
}

/* Notes payload that stays here. */
static __always_inline void fs_keep(struct fs_scratch *s, struct fs_ledger *l, struct fs_dir *d,
				    __u32 n, __u32 why)
{
	__sync_fetch_and_add(&d->unsent, n);
	d->why = why;
	why = fs_index(s, why);
	if (why < FS_FATES)
		l->fate[why] += n;
}

/* Sends the next slice and says whether there are more. It knows only what is in
 * scratch: see fs_slice_skb. */
static __always_inline int fs_slice(void *ctx, int xdp, struct fs_scratch *s)
{
	__u32 left = s->left, n = left < s->chunk ? left : s->chunk;
	__u32 copy = n < FS_SLICE ? n : FS_SLICE, size;
	__u8 flags = s->parse.tcp_flags;

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
	s->at += n;
	s->record.seq += n;
	s->record.lost = 0;
	return s->left != 0;
}

/* Sends the payload in slices: of TCP, of as many bytes as fit; of UDP, one for
 * each datagram. */
static __always_inline void fs_slices(void *ctx, int xdp, struct fs_scratch *s,
				      struct fs_ledger *l, struct fs_dir *d, __u32 gso_size)
{
	struct fs_parse *c = &s->parse;
	__u64 told = s->record.lost;
	int i;

	s->left = c->payload;
	s->there = c->cap;
	s->at = c->p.l4 + c->header;
	s->chunk = c->payload;
	if (c->p.proto == FS_TCP)
		s->chunk = FS_SLICE;
	else if (gso_size)
		s->chunk = gso_size;
	s->slices = s->sent = s->cut = 0;
	s->failed = FS_CUT;
#pragma unroll
	for (i = 0; i < FS_MAX_SLICES; i++)
		if (!(xdp ? fs_slice_xdp(ctx) : fs_slice_skb(ctx)))
			break;
	if (fs_load(s->slices)) {
		if (told) /* the news of what was lost before went out with the first */
			__sync_fetch_and_add(&d->unsent, -told);
		l->slices += s->slices;
		l->fate[FS_FORWARDED] += s->sent;
		l->fate[FS_CUT] += s->cut;
		__sync_fetch_and_add(&d->used, s->sent);
	}
	if (fs_load(s->left))
		fs_keep(s, l, d, s->left, s->failed);
}

/* Offers what a packet carries to user space. Only what parsers can use crosses:
 * payload, and the flags that begin and end a connection. */
static __always_inline void fs_forward(void *ctx, int xdp, struct fs_scratch *s,
				       struct fs_ledger *l, struct fs_flow *f, struct fs_dir *d,
				       const struct fs_frame *fr)
{
	struct fs_parse *c = &s->parse;
	__u32 payload = c->payload, zero = 0;
	__u8 mark = c->tcp_flags & (FS_TCP_SYN | FS_TCP_FIN | FS_TCP_RST);
	struct fs_control *g;
	__u32 why = FS_FORWARDED;

	if (c->p.frag) {
		if (payload)
			fs_keep(s, l, d, payload, FS_FRAGMENT);
		return;
	}
	if (!c->readable && payload) /* the frame ends in the transport header */
		fs_keep(s, l, d, payload, FS_CUT);
	if (!c->readable || (!payload && !mark))
		return;
	g = bpf_map_lookup_elem(&control, &zero);
	if (!g)
		return;
	if (f->bypass)
		why = FS_BYPASSED;
	else if (d->used >= g->budget)
		why = FS_OVER_BUDGET;
	if (why && !mark) {
		fs_keep(s, l, d, payload, why);
		return;
	}
	s->ring = fs_ring_of(&c->key);
	fs_head(s, d, fr->now);
	if (!why) {
		fs_slices(ctx, xdp, s, l, d, fr->gso_size);
		return;
	}
	/* The end of the connection is told without what came with it. */
	s->record.wire_len = payload;
	s->record.cap_len = 0;
	if (fs_send(s, 0)) {
		fs_keep(s, l, d, payload, why);
		return;
	}
	if (s->record.lost)
		__sync_fetch_and_add(&d->unsent, -s->record.lost);
	l->slices++;
	why = fs_index(s, why);
	if (why < FS_FATES)
		l->fate[why] += payload;
}

#endif
