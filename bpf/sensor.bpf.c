// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The kernel half: counts every packet by its flow and forwards slices of
 * payload. It never changes a packet and never decides about one: each program
 * returns what lets it pass, whatever happens.
 */
#include "filter.h"

#define FS_TC_NEXT -1 /* TCX_NEXT, TC_ACT_UNSPEC */

/* A step of the walk over the headers of the frame in scratch. It is global so
 * that the verifier looks at it once, not once for each step of each program. */
__attribute__((noinline)) int fs_step_once(__u32 zero)
{
	struct fs_scratch *s;

	fs_opaque(zero); /* or the compiler does not pass it */
	s = bpf_map_lookup_elem(&scratch, &zero);
	return s ? fs_step(&s->parse) : 0;
}

/* Likewise what comes behind the walk, and a slice of payload. */
__attribute__((noinline)) int fs_finish_once(__u32 zero)
{
	struct fs_scratch *s;

	fs_opaque(zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	return s ? fs_finish(&s->parse) : 0;
}

__attribute__((noinline)) int fs_slice_skb(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

	return s ? fs_slice(skb, 0, s) : 0;
}

__attribute__((noinline)) int fs_slice_xdp(struct xdp_md *xdp)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

	return s ? fs_slice(xdp, 1, s) : 0;
}

/* All of them. No loops: on the paths that a processor might speculate into, the
 * verifier would follow one beyond its end. */
__attribute__((noinline)) int fs_slices_skb(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	int i;

	if (!s)
		return 0;
	s->ring = fs_ring_of(&s->record.key);
#pragma unroll
	for (i = 0; i < FS_MAX_SLICES; i++)
		if (!fs_slice_skb(skb))
			break;
	return 0;
}

__attribute__((noinline)) int fs_slices_xdp(struct xdp_md *xdp)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	int i;

	if (!s)
		return 0;
	s->ring = fs_ring_of(&s->record.key);
#pragma unroll
	for (i = 0; i < FS_MAX_SLICES; i++)
		if (!fs_slice_xdp(xdp))
			break;
	return 0;
}

/* Sends a record without payload. */
__attribute__((noinline)) int fs_end_once(__u32 zero)
{
	struct fs_scratch *s;

	fs_opaque(zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return -1;
	s->ring = fs_ring_of(&s->record.key);
	return fs_send(s, 0);
}

/* Tells user space what became of the frame that it sent through. */
__attribute__((noinline)) int fs_tell_once(__u32 why)
{
	__u32 zero = 0;
	struct fs_finding *t = bpf_map_lookup_elem(&finding, &zero);
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	const struct fs_classified *q;

	if (!t || !s)
		return 0;
	q = &s->parse.f;
	t->why = why;
	t->ip_bytes = s->parse.ip_bytes;
	if (why == FS_ACCOUNTED && !t->ip_bytes)
		t->ip_bytes = s->wire.bytes;
	t->bytes = s->wire.bytes;
	t->frame_bytes = s->wire.frame_bytes;
	t->payload = q->payload;
	t->readable = q->readable;
	t->frag = q->frag;
	t->tcp_flags = q->tcp_flags;
	t->pad = 0;
	return 0;
}

/* Gives the budget back where nothing is sent, if some ring is as good as empty. */
__attribute__((noinline)) int fs_restore_once(__u32 ring, __u64 now)
{
	__u32 zero = 0, i = ring & fs_ring_mask;
	struct fs_control *g = bpf_map_lookup_elem(&control, &zero);
	void *map = bpf_map_lookup_elem(&rings, &i);

	if (g && map)
		fs_squeeze(g, bpf_ringbuf_query(map, BPF_RB_AVAIL_DATA), now);
	return 0;
}

/* Where the walk begins is a constant, but not to the verifier: it need not look
 * at this for each. */
__attribute__((noinline)) int fs_walk_once(__u32 next)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

	return s ? fs_walk(&s->parse, next) : FS_UNREADABLE;
}

/* Numbers in a frame for the filter. */
__attribute__((noinline)) long fs_filter_read_skb(struct __sk_buff *skb, __u64 off, __u32 size)
{
	return fs_filter_read(skb, 0, off, size);
}

__attribute__((noinline)) long fs_filter_read_xdp(struct xdp_md *xdp, __u64 off, __u32 size)
{
	return fs_filter_read(xdp, 1, off, size);
}

/* Whether the filter accepts the frame. User space replaces these: see filter.h. */
__attribute__((noinline)) int fs_filter_skb(struct __sk_buff *skb)
{
	return fs_filter_read_skb(skb, 0, 1) >= 0;
}

__attribute__((noinline)) int fs_filter_xdp(struct xdp_md *xdp)
{
	return fs_filter_read_xdp(xdp, 0, 1) >= 0;
}

/* Classifies by the walk, which reads a copy of the beginning of the frame. */
static __always_inline __u32 fs_slow(void *ctx, int xdp, struct fs_parse *c,
				     const struct fs_frame *fr)
{
	__u32 size = fr->len < FS_WINDOW ? fr->len : FS_WINDOW;

	c->have = fr->len;
	c->limit = fr->wire > fr->len ? fr->wire : fr->len; /* captures lie */
	c->flags = fs_flags;
	c->meta_vlan[0] = fr->tagged;
	c->meta_vlan[1] = fr->tci;
	c->loaded = size;
	size -= 1;
	fs_opaque(size);
	size &= FS_WINDOW - 1;
	if (!fr->len || fs_load_bytes(ctx, xdp, 0, c->window, size + 1))
		return FS_UNREADABLE;
	return fs_walk_once(fs_next);
}

/* Counts a frame of which no flow is made. */
static __always_inline void fs_refuse(struct fs_ledger *l, struct fs_scratch *s, __u32 why)
{
	fs_add(&l->seen, &s->wire);
	if (fs_through)
		fs_tell_once(why);
	why = fs_index(s, why);
	if (why < FS_REASONS)
		fs_add(&l->row[why], &s->wire);
}

static __always_inline int fs_rejects(void *ctx, int xdp, struct fs_scratch *s,
				      const struct fs_frame *fr)
{
	return fs_filter_load(ctx, xdp, s, fr) || !(xdp ? fs_filter_xdp(ctx) : fs_filter_skb(ctx));
}

/* Takes what user space knows of the frame that it sends through. */
static __always_inline void fs_hear(struct fs_scratch *s, struct fs_frame *fr)
{
	__u32 zero = 0;
	struct fs_finding *t = bpf_map_lookup_elem(&finding, &zero);

	if (t)
		fr->wire = t->wire_len;
	s->parse.ip_bytes = 0; /* the short way does not set it */
}

/* Makes the flow of the packet in scratch, and says whether it may. */
__attribute__((noinline)) int fs_begin_once(__u64 now)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&flows, &zero);
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

	return inner && s ? fs_begin(inner, s, &s->parse.f, now) : 0;
}

/* What is found is in scratch, not on the stack: see parse.h. */
static __always_inline void fs_look(void *ctx, int xdp, const __u8 *data, const __u8 *end,
				    struct fs_frame *fr)
{
	__u32 zero = 0, hook = fs_hook, why, from;
	struct fs_ledger *l = bpf_map_lookup_elem(&ledger, &hook);
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct fs_classified *q;
	struct fs_wire *w;
	struct fs_flow *f;
	struct fs_dir *d;
	void *inner;

	if (!l || !s)
		return;
	q = &s->parse.f;
	w = &s->wire;
	w->packets = 1;
	if (fs_through)
		fs_hear(s, fr);
	w->frame_bytes = fr->wire + (fr->tagged ? 4 : 0);
	l->frames++;
	if (fs_filtered && fs_rejects(ctx, xdp, s, fr)) {
		fs_refuse(l, s, FS_FILTERED);
		return;
	}
	if (!fs_plain(q, data, end, fs_next, fr->len, fs_flags, fr->tagged, fr->tci)) {
		why = fs_slow(ctx, xdp, &s->parse, fr);
		if (why != FS_ACCOUNTED) {
			fs_refuse(l, s, why);
			return;
		}
	}
	w->bytes = q->end - q->l3;
	if (fr->gso_size)
		fs_segments(w, q, fr);
	fs_add(&l->seen, w);

	fr->now = fs_now();
	inner = bpf_map_lookup_elem(&flows, &zero);
	if (!inner)
		return;
	f = bpf_map_lookup_elem(inner, &q->key);
	if (!f) {
		fr->now = bpf_ktime_get_ns();
		if (!fs_begin_once(fr->now))
			goto full;
		f = bpf_map_lookup_elem(inner, &q->key); /* ours, or that of another CPU */
		if (!f)
			goto full;
	}
	from = fs_load(q->from);
	fs_opaque(from);
	if (from > 1)
		return;
	d = &f->dir[from];
	if (!fs_counts_here(f, d, from, fr)) {
		fs_also(f);
		fs_add(&l->row[FS_OTHER_INTERFACE], w);
		return;
	}
	fs_add(&l->row[FS_ACCOUNTED], w);
	if (fs_through)
		fs_tell_once(FS_ACCOUNTED);
	fs_count(d, q, w, fr->now);
	fs_forward(ctx, xdp, s, l, f, d, from, fr);
	return;
full:
	fs_add(&l->row[FS_ACCOUNTED], w);
	fs_overflow_add(l, s, w);
}

static __always_inline void fs_frame_of(struct fs_frame *fr, struct __sk_buff *skb)
{
	fr->len = fr->wire = skb->len;
	fr->ifindex = skb->ifindex;
	fr->gso_size = skb->gso_size;
	fr->gso_segs = skb->gso_segs;
	fr->tagged = skb->vlan_present;
	fr->tci = skb->vlan_tci;
	fr->tpid = __builtin_bswap16(skb->vlan_proto);
}

static __always_inline int fs_tc(struct __sk_buff *skb)
{
	struct fs_frame fr;

	fs_frame_of(&fr, skb);
	fs_look(skb, 0, (void *)(long)skb->data, (void *)(long)skb->data_end, &fr);
	return FS_TC_NEXT;
}

SEC("tc")
int fs_ingress(struct __sk_buff *skb)
{
	return fs_tc(skb);
}

SEC("tc")
int fs_egress(struct __sk_buff *skb)
{
	return fs_tc(skb);
}

SEC("xdp.frags")
int fs_xdp(struct xdp_md *xdp)
{
	struct fs_frame fr = {
		.len = bpf_xdp_get_buff_len(xdp),
		.ifindex = xdp->ingress_ifindex,
	};

	fr.wire = fr.len;
	fs_look(xdp, 1, (void *)(long)xdp->data, (void *)(long)xdp->data_end, &fr);
	return XDP_PASS;
}

/* Run by tests, never attached: whether the filter accepts a frame. */
SEC("tc")
int fs_accepts_skb(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct fs_frame fr;

	fs_frame_of(&fr, skb);
	return s && !fs_rejects(skb, 0, s, &fr);
}

SEC("xdp.frags")
int fs_accepts_xdp(struct xdp_md *xdp)
{
	__u32 zero = 0;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct fs_frame fr = {.len = bpf_xdp_get_buff_len(xdp)};

	fr.wire = fr.len;
	return s && !fs_rejects(xdp, 1, s, &fr);
}

/* Notes a verdict in the entry of its flow. A word is written where it is, so
 * that no count is lost, as it would be by reading and writing back the entry. */
static __always_inline int fs_note(void *map, const struct fs_poke *p)
{
	__u32 n = p->n < FS_MAX_GRANT ? p->n : FS_MAX_GRANT;
	struct fs_flow *f;

	if (!map)
		return 0;
	f = bpf_map_lookup_elem(map, &p->key);
	if (!f)
		return 0;
	if (p->verdict == FS_V_BYPASS) {
		f->bypass = 1;
	} else if (p->verdict == FS_V_MORE) {
		f->bypass = 0;
		if (p->from) {
			f->skips &= ~2;
			if (f->dir[1].used > -FS_MAX_GRANT)
				__sync_fetch_and_add(&f->dir[1].used, -n);
		} else {
			f->skips &= ~1;
			if (f->dir[0].used > -FS_MAX_GRANT)
				__sync_fetch_and_add(&f->dir[0].used, -n);
		}
	} else if (p->verdict == FS_V_SKIP) {
		if (p->from) {
			f->until[1] = p->n;
			f->skips |= 2;
		} else {
			f->until[0] = p->n;
			f->skips |= 1;
		}
	}
	return 1;
}

/* Notes the verdict at off, and says whether the flow is in the current map; or
 * -1 if there is none. The verifier looks at it once. */
__attribute__((noinline)) int fs_poke_once(struct __sk_buff *skb, __u32 off)
{
	__u32 zero = 0, one = 1;
	struct fs_poke p;

	if (bpf_skb_load_bytes(skb, off, &p, sizeof(p)))
		return -1;
	fs_note(bpf_map_lookup_elem(&flows, &one), &p);
	return fs_note(bpf_map_lookup_elem(&flows, &zero), &p);
}

/* Run by user space, never attached: its data is 16 bytes of nothing and then
 * verdicts. */
SEC("tc")
int fs_verdicts(struct __sk_buff *skb)
{
	__u32 n = 0;
	int i, r;

#pragma unroll
	for (i = 0; i < FS_MAX_POKES; i++) {
		r = fs_poke_once(skb, FS_POKE_OFFSET + i * sizeof(struct fs_poke));
		if (r < 0)
			break;
		n += r;
	}
	return n;
}

/* So that the object's BTF has what no map has. */
const struct fs_poke *fs_poke_btf __attribute__((unused));
const enum fs_reason *fs_reason_btf __attribute__((unused));
const enum fs_fate *fs_fate_btf __attribute__((unused));
const enum fs_verdict *fs_verdict_btf __attribute__((unused));
const enum fs_overflow *fs_overflow_btf __attribute__((unused));

char _license[] SEC("license") = "Dual BSD/GPL";
