// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * What the cost of the sensor is measured against: the least that a program can
 * do that counts packets by flow. Tests run it; nothing attaches it.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "types.h"


struct bare_count {
	__u64 packets;
	__u64 bytes;
};

/* Five-tuple → count; written by fs_bare. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct fs_key);
	__type(value, struct bare_count);
} bare_flows SEC(".maps");

/* 0 → the program that fs_drive runs. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bare_driven SEC(".maps");

__u64 bare_random = 88172645463325252ULL;
const volatile __u32 bare_many = 1; /* flows */
__u32 bare_next = 0;		    /* the flow of the next frame while all is 1 */
__u32 bare_all = 0;		    /* one after the other, rather than any */

/* Parses the five-tuple of TCP in IPv4 in Ethernet, looks it up and adds. */
SEC("tc")
int fs_bare(struct __sk_buff *skb)
{
	const __u8 *h = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct bare_count *c;
	struct fs_key k = {};

	if (h + 54 > end || *(__u16 *)(h + 12) != 0x0008 || h[14] != 0x45 || h[23] != 6)
		return TC_ACT_UNSPEC;
	*(__u32 *)&k.addr[0][8] = 0xffff0000;
	*(__u32 *)&k.addr[0][12] = *(__u32 *)(h + 26);
	*(__u32 *)&k.addr[1][8] = 0xffff0000;
	*(__u32 *)&k.addr[1][12] = *(__u32 *)(h + 30);
	k.port[0] = __builtin_bswap16(*(__u16 *)(h + 34));
	k.port[1] = __builtin_bswap16(*(__u16 *)(h + 36));
	k.proto = h[23];
	c = bpf_map_lookup_elem(&bare_flows, &k);
	if (!c) {
		struct bare_count first = {};

		bpf_map_update_elem(&bare_flows, &k, &first, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&bare_flows, &k);
		if (!c)
			return TC_ACT_UNSPEC;
	}
	__sync_fetch_and_add(&c->packets, 1);
	__sync_fetch_and_add(&c->bytes, skb->len);
	return TC_ACT_UNSPEC;
}

/* Nothing: what it costs to be driven. */
SEC("tc")
int fs_nothing(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

/* Makes the frame one of some flow, by its source address, and runs a program
 * over it: BPF_PROG_TEST_RUN repeats a frame, and that would be one flow. */
SEC("tc")
int fs_drive(struct __sk_buff *skb)
{
	__u8 *h = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u64 x = bare_random;
	__u32 flow;

	if (h + 54 > end)
		return TC_ACT_UNSPEC;
	if (bare_all) {
		flow = bare_next++;
	} else {
		x ^= x << 13; /* Marsaglia, xorshift */
		x ^= x >> 7;
		x ^= x << 17;
		bare_random = x;
		flow = (x >> 32) * bare_many >> 32;
	}
	*(__u32 *)(h + 26) = __builtin_bswap32(0x0a000000 + flow);
	bpf_tail_call(skb, &bare_driven, 0);
	return TC_ACT_UNSPEC;
}

const volatile __u32 bare_established = 1000;
const volatile __u32 bare_packets = 10; /* one in so many is of the established */
__u64 bare_frames = 0;			/* that fs_flood made */

/* As fs_drive, of a flood: of so many frames one is of an established flow, each
 * of them in turn, and the others are of all the others in turn. All CPUs together
 * make each frame once. */
SEC("tc")
int fs_flood(struct __sk_buff *skb)
{
	__u8 *h = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u64 n = __sync_fetch_and_add(&bare_frames, 1), round = n / bare_packets;
	__u32 flow;

	if (h + 54 > end)
		return TC_ACT_UNSPEC;
	if (n % bare_packets)
		flow = bare_established + (n - round - 1) % bare_many;
	else
		flow = round % bare_established;
	*(__u32 *)(h + 26) = __builtin_bswap32(0x0a000000 + flow);
	bpf_tail_call(skb, &bare_driven, 0);
	return TC_ACT_UNSPEC;
}

#define BARE_SLICE 256

struct bare_slice {
	struct fs_record record;
	__u8 payload[BARE_SLICE];
};

/* 0 → what fs_pour writes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bare_slice);
} bare_slices SEC(".maps");

/* Records; written by fs_pour. User space puts another in its place. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bare_ring SEC(".maps");

const volatile __u32 bare_wake_at = 65536;
__u64 bare_poured = 0;	/* records, of one CPU */
__u64 bare_dropped = 0; /* of them, that found the ring full */

/* Writes a slice as the sensor does, and nothing else: one program that does all
 * that it does would not fill a ring so fast. */
SEC("tc")
int fs_pour(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct bare_slice *s = bpf_map_lookup_elem(&bare_slices, &zero);
	__u64 flags = BPF_RB_NO_WAKEUP, waiting;

	if (!s)
		return TC_ACT_UNSPEC;
	bare_poured++;
	s->record.time = bpf_ktime_get_ns();
	s->record.key.proto = 6 /* TCP */;
	s->record.key.port[0] = s->record.seq / BARE_SLICE % bare_many;
	s->record.seq += BARE_SLICE;
	s->record.wire_len = s->record.cap_len = BARE_SLICE;
	waiting = bpf_ringbuf_query(&bare_ring, BPF_RB_AVAIL_DATA);
	if (((waiting + sizeof(*s) + 8) ^ waiting) >= bare_wake_at)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&bare_ring, s, sizeof(*s), flags))
		bare_dropped++;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
