// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The kernel half: counts every packet by its flow and forwards slices of
 * payload. It never changes a packet and never decides about one: each program
 * returns what lets it pass, whatever happens.
 */
#include "forward.h"

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

__attribute__((noinline)) int fs_plain_once(__u32 zero)
{
	struct fs_scratch *s;

	fs_opaque(zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	return s ? fs_plain(&s->parse) : 0;
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

static __always_inline void fs_look(void *ctx, int xdp, struct fs_frame *fr, __u16 vlan_present,
				    __u16 vlan_tci)
{
	__u32 zero = 0, hook = fs_hook, size, why, from;
	struct fs_wire w = {.packets = 1};
	struct fs_ledger *l = bpf_map_lookup_elem(&ledger, &hook);
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct fs_parse *c;
	struct fs_flow *f;
	struct fs_dir *d;
	__u32 tcp_or_udp;

	if (!l || !s)
		return;
	c = &s->parse;
	c->have = c->limit = fr->len;
	c->flags = fs_flags;
	c->meta_vlan[0] = vlan_present;
	c->meta_vlan[1] = vlan_tci;
	size = fr->len < FS_WINDOW ? fr->len : FS_WINDOW;
	c->loaded = size;
	w.frame_bytes = fr->len + (vlan_present ? 4 : 0);

	size -= 1;
	fs_opaque(size);
	size &= FS_WINDOW - 1;
	if (!fr->len || fs_load_bytes(ctx, xdp, 0, c->window, size + 1))
		why = FS_UNREADABLE;
	else
		why = fs_parse(c, fs_next);
	l->frames++;
	if (why != FS_ACCOUNTED) {
		fs_add(&l->seen, &w);
		why = fs_index(s, why);
		if (why < FS_REASONS)
			fs_add(&l->row[why], &w);
		return;
	}
	w.bytes = c->p.end - c->p.l3;
	fs_segments(&w, c, fr);
	fs_add(&l->seen, &w);

	fr->now = bpf_ktime_get_ns();
	tcp_or_udp = c->p.proto == FS_TCP || c->p.proto == FS_UDP;
	f = fs_flow_of(s, fr->now);
	if (!f) {
		fs_add(&l->row[FS_ACCOUNTED], &w);
		fs_overflow_add(l, s, &w);
		if (tcp_or_udp) {
			l->offered += c->payload;
			l->fate[FS_NO_FLOW] += c->payload;
		}
		return;
	}
	from = fs_load(c->from);
	fs_opaque(from);
	if (from > 1)
		return;
	d = &f->dir[from];
	if (!fs_counts_here(d, fr)) {
		fs_add(&l->row[FS_OTHER_INTERFACE], &w);
		return;
	}
	fs_add(&l->row[FS_ACCOUNTED], &w);
	fs_count(d, c, &w, fr->now);
	if (tcp_or_udp) {
		l->offered += c->payload;
		fs_forward(ctx, xdp, s, l, f, d, fr);
	}
}

static __always_inline int fs_tc(struct __sk_buff *skb)
{
	struct fs_frame fr = {
		.len = skb->len,
		.ifindex = skb->ifindex,
		.gso_size = skb->gso_size,
		.gso_segs = skb->gso_segs,
	};

	fs_look(skb, 0, &fr, skb->vlan_present, skb->vlan_tci);
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

	fs_look(xdp, 1, &fr, 0, 0);
	return XDP_PASS;
}

/*
 * Run by user space, never attached: its data is 16 bytes of nothing and then
 * verdicts. A word in the flow's entry is written where it is, so that no count
 * is lost, as it would be by reading and writing back the entry.
 */
SEC("tc")
int fs_verdicts(struct __sk_buff *skb)
{
	__u32 zero = 0, one = 1, n = 0;
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < FS_MAX_POKES; i++) {
		struct fs_poke p;
		struct fs_flow *f;
		void *inner;

		if (bpf_skb_load_bytes(skb, FS_POKE_OFFSET + i * sizeof(p), &p, sizeof(p)))
			break;
		inner = bpf_map_lookup_elem(&flows, &one);
		f = inner ? bpf_map_lookup_elem(inner, &p.key) : 0;
		if (f)
			f->bypass = p.bypass;
		inner = bpf_map_lookup_elem(&flows, &zero);
		f = inner ? bpf_map_lookup_elem(inner, &p.key) : 0;
		if (f) {
			f->bypass = p.bypass;
			n++;
		}
	}
	return n;
}

/* So that the object's BTF has what no map has. */
const struct fs_poke *fs_poke_btf __attribute__((unused));
const enum fs_reason *fs_reason_btf __attribute__((unused));
const enum fs_fate *fs_fate_btf __attribute__((unused));
const enum fs_overflow *fs_overflow_btf __attribute__((unused));

char _license[] SEC("license") = "Dual BSD/GPL";
