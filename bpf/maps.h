/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The maps, and the constants that user space sets before it loads a program. */
#ifndef FLOWSCOPE_MAPS_H
#define FLOWSCOPE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* parse.h must not know of maps; what it calls does. */
int fs_step_once(__u32 zero);
int fs_finish_once(__u32 zero);
int fs_slices_skb(struct __sk_buff *skb);
int fs_slices_xdp(struct xdp_md *xdp);
int fs_end_once(__u32 zero);
int fs_restore_once(__u32 ring, __u64 now);
int fs_tell_once(__u32 why);
#define FS_STEP(c) fs_step_once(0)
#define FS_FINISH(c) fs_finish_once(0)
#include "parse.h"

#define FS_SLICE 4096	   /* longest slice of payload, a power of two */
#define FS_MAX_SLICES 64   /* of one super-packet */
#define FS_MAX_POKES 64	   /* in one call */
#define FS_POKE_OFFSET 16  /* of the first, in the data of the call */
#define FS_MAX_GRANT (1 << 30) /* bytes beyond the budget */
#define FS_MAX_SQUEEZE 16
#define FS_SQUEEZE_AFTER 10000000LL   /* ns between two halvings of the budget */
#define FS_RESTORE_AFTER 1000000000LL /* and before one is taken back */
/* ns of silence after which another interface may count a flow: longer than a packet
 * waits in the queues of a host on its way from one to the other */
#define FS_HANDOVER 1000000000LL

/* Constants of one hook. */
const volatile __u32 fs_hook = 0;	 /* index of its books */
const volatile __u32 fs_next = FS_L_ETHERNET; /* what its frames begin with */
const volatile __u32 fs_flags = FS_P_TUNNELS; /* FS_P_ */
const volatile __u32 fs_ring_mask = 0;	 /* number of rings, a power of two, less one */
const volatile __u32 fs_wake_at = 32768; /* each so many bytes in a ring wake its reader; a power of two */
const volatile __u32 fs_squeeze_at = ~0U; /* bytes in a ring at which the budget shrinks */
const volatile __u32 fs_coarse = 1;	  /* the kernel has bpf_ktime_get_coarse_ns (5.11) */
const volatile __u32 fs_filtered = 0;	  /* there is a filter: see filter.h */
const volatile __u32 fs_through = 0;	  /* frames are those of a capture: see finding */

/* What a frame stands for on the wire. */
struct fs_wire {
	__u32 packets;
	__u32 bytes; /* of IP packets */
	__u32 frame_bytes;
};

/* What one CPU needs while it looks at one packet. */
struct fs_scratch {
	struct fs_wire wire;
	struct fs_parse parse;
	struct fs_flow fresh;
	struct fs_record record;
	__u8 slice[FS_SLICE]; /* behind the record: they go out together */
	/* Of the payload that is being sent: */
	__s64 room;	       /* bytes left of the budget */
	__u32 left, at, chunk; /* how much, where it begins, the longest piece */
	__u32 there;	       /* of what is left, what the frame has: headers may lie */
	__u32 ring;
	__u32 told;		 /* of what is left, with the end of the connection */
	__u32 sent, cut, slices; /* so far */
	__u32 failed;		 /* enum fs_fate of what is left */
	__u32 waiting;		 /* bytes in the ring */
	__u32 flags;		 /* of TCP */
	__u32 index;	       /* see fs_index */
	/* What the filter sees: the frame as it was on the wire. */
	__u32 filter_len;		 /* its length */
	__u32 filter_have, filter_loaded; /* bytes of it that there are, of them in filter */
	__u32 filter_tag;		 /* bytes of it that are beside the frame */
	__u32 filter_mem[18];		 /* of the filter: its registers and scratch words */
	__u8 filter[FS_WINDOW + 16]; /* what the verifier thinks of where it is written */
};

/*
 * An index that is a constant on each path to where it is used is refused to
 * programs without CAP_PERFMON: to the verifier these are different pointers,
 * of which it cannot mask one offset. What was in a map is any number.
 */
static __always_inline __u32 fs_index(struct fs_scratch *s, __u32 i)
{
	fs_load(s->index) = i;
	i = fs_load(s->index);
	fs_opaque(i);
	return i;
}

/* 0 → scratch; written and read by the program that runs on the CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fs_scratch);
} scratch SEC(".maps");

/* Hook → its books; written by the program, read by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fs_ledger);
} ledger SEC(".maps");

/*
 * 0 → the flows that are counted in now, 1 → those of the time before. User
 * space puts an empty map in place 0; when the kernel has let it, no program
 * runs that still counts in the map that was there, and it can be read at
 * leisure without missing a packet. A flow that comes again takes its verdict
 * and the rest of its budget over from the map in place 1; while the two change,
 * place 2 has what was there before, so that no flow is taken for a new one.
 */
struct fs_flow_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct fs_key);
	__type(value, struct fs_flow);
} flow_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct fs_flow_map);
} flows SEC(".maps");

/* Hash of the flow → ring of slices; written by the program, read by one worker. */
struct fs_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct fs_ring_map);
} rings SEC(".maps");

/* What may change while programs run. */
struct fs_control {
	__u64 budget;	    /* payload bytes of each direction of a flow; written by user space */
	__u64 max_new;	    /* flows that may begin in a second; written by user space */
	__u64 second;	    /* when the running second began, ns; written by the program */
	__u64 began;	    /* flows that began in it; written by the program */
	__u64 squeezed;	    /* when squeeze changed, ns; written by the program */
	__u64 squeeze;	    /* the budget is halved so many times; written by the program */
	__u64 fresh;	    /* entries of flows that were not in the map before; written by the program */
	__u64 until;	    /* fresh at which no flow may begin; written by user space */
};

/* 0 → control; 1 → of it, until: what user space writes while programs run must
 * not be beside what they write. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct fs_control);
} control SEC(".maps");

/* 0 → finding; where fs_through is set, written by user space and the program by
 * turns. Then everything that is counted crosses, of TCP or not, with payload or
 * without. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fs_finding);
} finding SEC(".maps");

#endif
