/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The capture filter: user space puts one, translated, in the place of
 * fs_filter_skb or fs_filter_xdp. It sees the frame as it was on the wire, with
 * the VLAN tag that the kernel keeps beside it.
 */
#ifndef FLOWSCOPE_FILTER_H
#define FLOWSCOPE_FILTER_H

#include "forward.h"

/* Puts the beginning of the frame where the filter reads it. */
static __always_inline int fs_filter_load(void *ctx, int xdp, struct fs_scratch *s,
					  const struct fs_frame *fr)
{
	__u32 size = fr->len < FS_WINDOW ? fr->len : FS_WINDOW;
	__u8 *to = s->filter;

	s->filter_tag = fr->tagged && fs_next == FS_L_ETHERNET ? 4 : 0;
	s->filter_len = fr->wire + s->filter_tag;
	s->filter_have = fr->len + s->filter_tag;
	s->filter_loaded = s->filter_have < FS_WINDOW ? s->filter_have : FS_WINDOW;
	if (!s->filter_tag) {
		size -= 1;
		fs_opaque(size);
		size &= FS_WINDOW - 1;
		return fr->len ? fs_load_bytes(ctx, xdp, 0, to, size + 1) : 0;
	}
	if (fr->len <= 12 || fs_load_bytes(ctx, xdp, 0, to, 12))
		return -1;
	*(fs_u16 *)(to + 12) = __builtin_bswap16(fr->tpid);
	*(fs_u16 *)(to + 14) = __builtin_bswap16(fr->tci);
	size = fr->len - 12;
	if (size > FS_WINDOW - 16)
		size = FS_WINDOW - 16;
	size -= 1;
	fs_opaque(size);
	size &= FS_WINDOW - 1;
	return fs_load_bytes(ctx, xdp, 12, to + 16, size + 1);
}

/* The number of size bytes (1, 2 or 4) at off, or -1 if the frame ends before. */
static __always_inline long fs_filter_read(void *ctx, int xdp, __u64 off, __u32 size)
{
	__u32 zero = 0, at, far;
	struct fs_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	__u8 *b;

	if (!s || off > 0x7fffffff || off + size > s->filter_have)
		return -1;
	at = off;
	b = s->filter + FS_WINDOW; /* where nothing else is */
	if (at + size <= s->filter_loaded) {
		fs_opaque(at);
		b = s->filter + (at & (FS_WINDOW - 1)); /* as in fs_at */
		if (size == 1)
			return *b;
		return size == 2 ? fs_be16(b) : fs_be32(b);
	}
	far = at - s->filter_tag;
	if (size == 1)
		return fs_load_bytes(ctx, xdp, far, b, 1) ? -1 : *b;
	if (size == 2)
		return fs_load_bytes(ctx, xdp, far, b, 2) ? -1 : fs_be16(b);
	return fs_load_bytes(ctx, xdp, far, b, 4) ? -1 : fs_be32(b);
}

#endif
