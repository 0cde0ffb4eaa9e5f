/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * parse.h for the host: reads frames from standard input, writes what was found
 * to standard output. Tests hold it against the Go classifier.
 */
#include <stdio.h>
#include <string.h>

#include "parse.h"

struct request {
	__u32 cap_len, wire_len;
	__u32 next, flags;
	__u16 meta_vlan[2];
};

struct reply {
	__u32 reason, found, ip_bytes;
	__u32 l3, l4, end, frag_id;
	__u32 header, payload, cap, seq, ack, tunnel_id, from;
	struct fs_key key;
	__u16 vlan[2];
	__u16 frag_off, window;
	__u8 proto, v6, frag, more, routed, tunnel, one_way, tcp_flags, readable, pad[3];
};

int main(void)
{
	static __u8 frame[1 << 20];
	static struct fs_parse c;
	struct request q;

	while (fread(&q, sizeof(q), 1, stdin) == 1) {
		struct reply r;

		if (q.cap_len > sizeof(frame) || fread(frame, 1, q.cap_len, stdin) != q.cap_len)
			return 1;
		memset(&c, 0xa5, sizeof(c)); /* nothing may depend on what was there */
		c.have = q.cap_len;
		c.limit = q.wire_len;
		c.loaded = q.cap_len < FS_WINDOW ? q.cap_len : FS_WINDOW;
		c.flags = q.flags;
		c.meta_vlan[0] = q.meta_vlan[0];
		c.meta_vlan[1] = q.meta_vlan[1];
		memcpy(c.window, frame, c.loaded);
		memset(&r, 0, sizeof(r));
		if (fs_plain(&c.f, c.window, c.window + c.loaded, q.next, q.cap_len, q.flags,
			     q.meta_vlan[0], q.meta_vlan[1])) {
			r.found = 1;
			r.ip_bytes = c.f.end - c.f.l3;
		} else {
			r.reason = fs_walk(&c, q.next);
			r.found = c.found;
			r.ip_bytes = c.ip_bytes;
			if (c.found) {
				r.l3 = c.p.l3, r.l4 = c.p.l4, r.end = c.p.end;
				r.frag_id = c.p.frag_id, r.frag_off = c.p.frag_off;
				r.proto = c.p.proto, r.v6 = c.p.v6, r.frag = c.p.frag;
				r.more = c.p.more, r.routed = c.p.routed;
				r.vlan[0] = c.p.encap.vlan[0], r.vlan[1] = c.p.encap.vlan[1];
				r.tunnel = c.p.encap.tunnel, r.tunnel_id = c.p.encap.tunnel_id;
				r.one_way = c.p.encap.one_way;
			}
		}
		if (r.reason == FS_ACCOUNTED) {
			const struct fs_classified *f = &c.f;

			r.l3 = f->l3, r.l4 = f->l4, r.end = f->end;
			r.proto = f->proto, r.v6 = f->v6, r.frag = f->frag;
			r.vlan[0] = f->vlan[0], r.vlan[1] = f->vlan[1];
			r.tunnel = f->tunnel, r.tunnel_id = f->tunnel_id;
			r.header = f->header, r.payload = f->payload, r.cap = f->cap;
			r.seq = f->seq, r.ack = f->ack, r.window = f->window;
			r.tcp_flags = f->tcp_flags, r.readable = f->readable;
			r.key = f->key, r.from = f->from;
		}
		if (fwrite(&r, sizeof(r), 1, stdout) != 1)
			return 1;
	}
	return fflush(stdout) != 0;
}
