/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The ABI between the kernel half and user space. Go gets these types from the
 * object's BTF (gen/), nobody writes them twice. Every pad is a named field and
 * is written.
 */
#ifndef FLOWSCOPE_TYPES_H
#define FLOWSCOPE_TYPES_H

#include <linux/types.h>

/* Same layout as sensor.Key: endpoint 0 is the one that sorts first. */
struct fs_key {
	__u8 addr[2][16]; /* network byte order, IPv4 as IPv4-mapped */
	__u16 port[2];	  /* host byte order */
	__u32 tunnel;
	__u16 vlan;
	__u8 proto;
	__u8 kind; /* 0: five-tuple */
};

/* What became of a frame: the numbers of frame.Reason, then our own. */
enum fs_reason {
	FS_ACCOUNTED = 0,
	FS_FILTERED,
	FS_ARP,
	FS_NON_IP,
	FS_UNSUPPORTED_LINK,
	FS_TRUNCATED_LINK,
	FS_MALFORMED_LINK,
	FS_TOO_MANY_HEADERS,
	FS_TRUNCATED_IP,
	FS_MALFORMED_IP,
	FS_DEEP_HEADERS,    /* headers reach beyond the window that is read */
	FS_OTHER_INTERFACE, /* the flow's direction is counted on another interface */
	FS_UNREADABLE,	    /* the kernel would not let us read the frame */
	FS_REASONS,
};

/* What became of payload that parsers could have got. */
enum fs_fate {
	FS_FORWARDED = 0,
	FS_BYPASSED,	/* no parser wants more of the flow */
	FS_OVER_BUDGET, /* the flow's budget is used up */
	FS_RING_FULL,
	FS_CUT,	     /* behind the longest slice of a datagram, or the last of a super-packet */
	FS_FRAGMENT, /* in an IP fragment */
	FS_NO_FLOW,  /* the flow is in an overflow row */
	FS_FATES,
};

/* Overflow rows: packets that found no room in the flow map. */
enum fs_overflow {
	FS_OVERFLOW_TCP = 0,
	FS_OVERFLOW_UDP,
	FS_OVERFLOW_ICMP,
	FS_OVERFLOW_OTHER,
	FS_OVERFLOWS,
};

struct fs_sum {
	__u64 packets; /* on the wire: a super-packet counts its segments */
	__u64 bytes;   /* of frames, true to the wire */
};

/* One hook's books, per CPU, never reset. */
struct fs_ledger {
	struct fs_sum seen;
	struct fs_sum row[FS_REASONS];
	struct fs_sum overflow[FS_OVERFLOWS];
	__u64 frames; /* socket buffers, what the interface itself counts */
	__u64 offered;
	__u64 fate[FS_FATES];
	__u64 slices;  /* records sent through the rings */
	__u64 refused; /* records that found their ring full */
};

/* One direction of a flow. It has a cache line to itself. */
struct fs_dir {
	__u64 packets;
	__u64 bytes;
	__u64 frame_bytes;
	__u64 payload_bytes;
	__u64 first; /* CLOCK_MONOTONIC, ns; 0: no packet */
	__u64 last;
	__s64 unsent; /* payload not forwarded and not yet told in a record */
	__s32 used;   /* of the budget, bytes; less than 0 if user space gave more */
	__u8 tcp_flags;
	__u8 why; /* enum fs_fate of the latest of unsent */
	__u16 pad0;
};

/* The value of the flow map. With what the kernel and the key take, an entry has
 * four cache lines, of which a packet touches three. */
struct fs_flow {
	__u8 bypass; /* set by user space: count on, stop copying */
	__u8 known;  /* it was in the map before this one */
	__u8 skips;  /* set by user space, a bit for each direction: no copy before until (TCP) */
	__u8 tunnel;
	__u32 tunnel_id;
	__u16 vlan[2];
	__u32 ifindex[2]; /* by direction: the interface whose packets count; 0: none yet */
	__u32 until[2];	  /* by direction: see skips */
	__u32 also;	  /* the last four hooks that saw it and do not count it, a byte each: see fs_also */
	struct fs_dir dir[2]; /* by index in the key */
};

/*
 * A frame of a capture that user space sends through a program, one at a time:
 * what the program cannot know of it, and what it found.
 */
struct fs_finding {
	__u32 wire_len;	   /* told the program: length on the wire, whatever was captured */
	__u32 why;	   /* told by it, as all that follows: enum fs_reason */
	__u32 ip_bytes;	   /* of the outermost IP packet; not of a frame that the filter rejects */
	__u32 bytes;	   /* of the packet that is counted */
	__u32 frame_bytes; /* as they are counted */
	__u32 payload;
	__u8 readable;
	__u8 frag;
	__u8 tcp_flags;
	__u8 pad;
};

/* The header of a record in a ring; cap_len bytes of payload follow. */
struct fs_record {
	__u64 time;
	struct fs_key key;
	__u32 seq;
	__u32 ack;
	__u32 wire_len; /* payload that this record stands for */
	__u32 cap_len;	/* of it, what follows */
	__u32 tunnel_id;
	__u64 lost; /* payload of this direction skipped before it */
	__u16 window;
	__u16 vlan[2];
	__u8 from;
	__u8 tcp_flags;
	__u8 tunnel;
	__u8 lost_why; /* enum fs_fate */
	__u8 pad[6];
};

enum fs_verdict {
	FS_V_BYPASS = 1, /* no parser wants more of it */
	FS_V_MORE,	 /* n bytes of the direction are wanted beyond the budget, and no skip */
	FS_V_SKIP,	 /* nothing of the direction before sequence number n */
};

/* What user space may ask of a flow that is in the map. */
struct fs_poke {
	struct fs_key key;
	__u32 verdict; /* enum fs_verdict */
	__u32 from;    /* the direction */
	__u32 n;
};

#endif
