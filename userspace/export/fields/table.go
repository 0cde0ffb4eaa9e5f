package fields

const (
	whenIP    = "not for MAC pairs"
	whenMAC   = "only for MAC pairs (`--key mac-pair`)"
	whenPorts = "protocols with ports, and ICMP"
	whenTuple = "five-tuples"
	whenTCP   = "TCP"
	whenDelta = "flows with more than one record"
)

// Table lists all fields in the order in which they are written.
var Table = []Field{
	{Name: "type", In: all, Type: String, Doc: "type of the object", EVE: "event_type"},
	{Name: "v", In: all, Type: Integer, Doc: "version of this schema"},
	{Name: "ts", In: eventOnly, Type: String, Unit: "RFC 3339, ns, UTC", Doc: "packet time of what caused the object", EVE: "timestamp", Zeek: "ts"},
	{Name: "frame", In: eventOnly, Type: Integer, When: "unless time alone caused it", Doc: "number of the frame that caused the object, from 1, as Wireshark counts in a single capture", EVE: "pcap_cnt"},
	{Name: "ts_start", In: Flow, Type: String, Unit: "RFC 3339, ns, UTC", Doc: "time of the earliest packet", EVE: "flow.start", Zeek: "ts", IPFIX: "156", OTel: "flow.start"},
	{Name: "ts_end", In: Flow, Type: String, Unit: "RFC 3339, ns, UTC", Doc: "time of the latest packet so far", EVE: "flow.end", Zeek: "ts+duration", IPFIX: "157", OTel: "flow.end"},

	{Name: "src_ip", In: ofAFlow, Type: String, When: whenIP, Doc: "address of the initiator, who sends what is called fwd", EVE: "src_ip", Zeek: "id.orig_h", IPFIX: "8, 27", OTel: "source.address"},
	{Name: "dst_ip", In: ofAFlow, Type: String, When: whenIP, Doc: "address of the responder, who sends what is called rev", EVE: "dest_ip", Zeek: "id.resp_h", IPFIX: "12, 28", OTel: "destination.address"},
	{Name: "src_mac", In: ofAFlow, Type: String, When: whenMAC, Doc: "link-layer address of the initiator", EVE: "ether.src_mac", Zeek: "orig_l2_addr", IPFIX: "56"},
	{Name: "dst_mac", In: ofAFlow, Type: String, When: whenMAC, Doc: "link-layer address of the responder", EVE: "ether.dest_mac", Zeek: "resp_l2_addr", IPFIX: "80"},
	{Name: "src_port", In: ofAFlow, Type: Integer, When: whenPorts, Doc: "port of the initiator; ICMP: type of its messages", EVE: "src_port", Zeek: "id.orig_p", IPFIX: "7", OTel: "source.port"},
	{Name: "dst_port", In: ofAFlow, Type: Integer, When: whenPorts, Doc: "port of the responder; ICMP: type of the answer, or the code where there is no answer (as Community ID defines it)", EVE: "dest_port", Zeek: "id.resp_p", IPFIX: "11", OTel: "destination.port"},
	{Name: "proto", In: ofAFlow, Type: String, When: whenTuple, Doc: "IP protocol: IANA's keyword in lower case, or its number", EVE: "proto", Zeek: "proto", OTel: "network.transport"},
	{Name: "ip_proto", In: ofAFlow, Type: Integer, When: whenTuple, Doc: "number of the IP protocol", Zeek: "ip_proto", IPFIX: "4"},
	{Name: "community_id", In: ofAFlow, Type: String, When: whenTuple, Doc: "Community ID v1, the same for a flow in all tools that know it", EVE: "community_id", Zeek: "community_id", OTel: "community_id"},
	{Name: "flow_id", In: ofAFlow, Type: Integer, Doc: "number of the frame that started the flow, unique in a run; joins the objects of a flow", EVE: "flow_id", Zeek: "uid", IPFIX: "148"},

	{Name: "record_seq", In: Flow, Type: Integer, Doc: "how many records of this flow came before this one", OTel: "flow.sequence_num"},
	{Name: "final", In: Flow, Type: Boolean, Doc: "whether this is the last record of the flow"},
	{Name: "end_reason", In: Flow, Type: String, Doc: "`fin`, `rst`, `idle`, `evicted` (table full), `reused` (new connection on the same ports), `shutdown` (end of the input); `active`: the flow goes on", EVE: "flow.reason", IPFIX: "136", OTel: "flow.end_reason"},
	{Name: "state", In: Flow, Type: String, Doc: "Zeek's conn_state", EVE: "flow.state", Zeek: "conn_state"},
	{Name: "history", In: Flow, Type: String, When: "if anything happened", Doc: "Zeek's history: one letter for each kind of thing that happened, in order, upper case for the initiator", Zeek: "history"},
	{Name: "dir_evidence", In: Flow, Type: String, Doc: "how it is known who is the initiator: `syn`, `synack`, `icmp`, `payload`, `port`, `first` (who was seen first)", IPFIX: "239", OTel: "flow.direction"},
	{Name: "midstream", In: Flow, Type: Boolean, When: whenTCP, Doc: "whether the beginning of the connection was not seen"},
	{Name: "rtt", In: Flow, Type: Number, Unit: "seconds", When: "TCP, if the handshake was seen", Doc: "from SYN to the ACK that completes the handshake"},
	{Name: "interfaces", In: Flow, Type: Strings, When: "`run`", Doc: "where its packets were seen: first the interface that counts them, or one for each direction, then others that they crossed", EVE: "in_iface", IPFIX: "82"},
	{Name: "vlan", In: Flow, Type: Integers, When: "tagged frames", Doc: "VLAN ids of the first packet, outer first", EVE: "vlan", Zeek: "vlan, inner_vlan", IPFIX: "243, 245", OTel: "flow.vlan_id"},
	{Name: "tunnel", In: Flow, Type: String, When: "tunnelled packets", Doc: "innermost tunnel of the first packet: `gre`, `vxlan`, `geneve`, `gtpu`, `ipip`, `mpls`, `pppoe`", EVE: "tunnel.pkt_src", Zeek: "tunnel_parents"},
	{Name: "tunnel_id", In: Flow, Type: Integer, When: "tunnels that have one", Doc: "VNI, TEID, GRE key, MPLS label or PPPoE session", IPFIX: "351"},

	{Name: "pkts_fwd", In: Flow, Type: Integer, Unit: "packets", Doc: "sent by the initiator since the flow began", EVE: "flow.pkts_toserver", Zeek: "orig_pkts", IPFIX: "86", OTel: "flow.io.packets"},
	{Name: "pkts_rev", In: Flow, Type: Integer, Unit: "packets", Doc: "sent by the responder since the flow began", EVE: "flow.pkts_toclient", Zeek: "resp_pkts", IPFIX: "29305/86", OTel: "flow.io.packets"},
	{Name: "bytes_fwd", In: Flow, Type: Integer, Unit: "bytes", Doc: "layer 3: IP headers and all behind them, as they say themselves", Zeek: "orig_ip_bytes", IPFIX: "85", OTel: "flow.io.bytes"},
	{Name: "bytes_rev", In: Flow, Type: Integer, Unit: "bytes", Doc: "layer 3, responder", Zeek: "resp_ip_bytes", IPFIX: "29305/85", OTel: "flow.io.bytes"},
	{Name: "frame_bytes_fwd", In: Flow, Type: Integer, Unit: "bytes", Doc: "whole frames as on the wire, without FCS", EVE: "flow.bytes_toserver", IPFIX: "353"},
	{Name: "frame_bytes_rev", In: Flow, Type: Integer, Unit: "bytes", Doc: "whole frames, responder", EVE: "flow.bytes_toclient", IPFIX: "29305/353"},
	{Name: "payload_bytes_fwd", In: Flow, Type: Integer, Unit: "bytes", Doc: "behind the transport header, retransmissions included"},
	{Name: "payload_bytes_rev", In: Flow, Type: Integer, Unit: "bytes", Doc: "behind the transport header, responder"},

	{Name: "gap_bytes_fwd", In: Flow, Type: Integer, Unit: "bytes", When: whenTCP, Doc: "bytes of the initiator's stream that were never seen", EVE: "tcp.ts_gap", Zeek: "missed_bytes (sum)"},
	{Name: "gap_bytes_rev", In: Flow, Type: Integer, Unit: "bytes", When: whenTCP, Doc: "bytes of the responder's stream that were never seen", EVE: "tcp.tc_gap", Zeek: "missed_bytes (sum)"},
	{Name: "tcp_flags_fwd", In: Flow, Type: Integer, When: whenTCP, Doc: "all flags that the initiator sent, as the bits on the wire (1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK, 32 URG, 64 ECE, 128 CWR)", EVE: "tcp.tcp_flags_ts", IPFIX: "6", OTel: "flow.tcp_flags"},
	{Name: "tcp_flags_rev", In: Flow, Type: Integer, When: whenTCP, Doc: "all flags that the responder sent", EVE: "tcp.tcp_flags_tc", IPFIX: "29305/6", OTel: "flow.tcp_flags"},
	{Name: "retrans_fwd", In: Flow, Type: Integer, Unit: "segments", When: whenTCP, Doc: "segments that had only bytes that were sent before"},
	{Name: "retrans_rev", In: Flow, Type: Integer, Unit: "segments", When: whenTCP, Doc: "retransmissions of the responder"},
	{Name: "out_of_order_fwd", In: Flow, Type: Integer, Unit: "segments", When: whenTCP, Doc: "segments that came before bytes that precede them"},
	{Name: "out_of_order_rev", In: Flow, Type: Integer, Unit: "segments", When: whenTCP, Doc: "out-of-order segments of the responder"},

	{Name: "pkts_fwd_delta", In: Flow, Type: Integer, Unit: "packets", When: whenDelta, Doc: "since the record before this one", IPFIX: "2"},
	{Name: "pkts_rev_delta", In: Flow, Type: Integer, Unit: "packets", When: whenDelta, Doc: "since the record before this one", IPFIX: "29305/2"},
	{Name: "bytes_fwd_delta", In: Flow, Type: Integer, Unit: "bytes", When: whenDelta, Doc: "since the record before this one", IPFIX: "1"},
	{Name: "bytes_rev_delta", In: Flow, Type: Integer, Unit: "bytes", When: whenDelta, Doc: "since the record before this one", IPFIX: "29305/1"},
	{Name: "frame_bytes_fwd_delta", In: Flow, Type: Integer, Unit: "bytes", When: whenDelta, Doc: "since the record before this one", IPFIX: "352"},
	{Name: "frame_bytes_rev_delta", In: Flow, Type: Integer, Unit: "bytes", When: whenDelta, Doc: "since the record before this one", IPFIX: "29305/352"},
	{Name: "payload_bytes_fwd_delta", In: Flow, Type: Integer, Unit: "bytes", When: whenDelta, Doc: "since the record before this one"},
	{Name: "payload_bytes_rev_delta", In: Flow, Type: Integer, Unit: "bytes", When: whenDelta, Doc: "since the record before this one"},

	{Name: "side", In: eventOnly, Type: String, Doc: "`initiator` or `responder`: whose bytes this is about", EVE: "direction"},
	{Name: "app", In: Flow, Type: String, When: "if one was recognised", Doc: "name of the application protocol", EVE: "app_proto", Zeek: "service", IPFIX: "96"},
	{Name: "headline", In: Flow, Type: String, When: "if a message of the flow has one", Doc: "what the flow is about: the server name of TLS, the host of HTTP, the name asked for in DNS; from the first message that says it, at most 255 bytes"},
	{Name: "app", In: Message | Error, Type: String, Doc: "name of the protocol whose parser this is from", EVE: "app_proto", Zeek: "service"},
	{Name: "bytes", In: Gap, Type: Integer, Unit: "bytes", Doc: "how many are missing"},
	{Name: "offset", In: Gap | Error, Type: Integer, Unit: "bytes", Doc: "of this side's stream before it; missing bytes count"},
	{Name: "reason", In: Gap, Type: String, Doc: "`missing` (never captured), `cut` (snap length), `fragment`, `ring_full`, `over_budget`, `buffer_full` or `timeout` (bytes before it did not come), `bypassed` (no parser wanted it), `bad_checksum`"},
	{Name: "kind", In: Anomaly, Type: String, Doc: "`inconsistent_overlap`, `inconsistent_fragment`, `urgent_data`, `rst_out_of_window`, `data_after_close`, `parser_buffer_limit`, `reorder_limit`, `bad_checksum`, `acked_unseen`", EVE: "anomaly.event"},
	{Name: "text", In: Error, Type: String, Doc: "what the parser said"},
	{Name: "<app>", In: Message, Type: Any, Doc: "the message itself, under the name of its protocol (`dns`, …), with the fields of that parser; a protocol that is called like a field above gets a `_` behind its name", EVE: "<app>"},
	{Name: "truncated", In: Message | Error, Type: Boolean, When: "only if true", Doc: "a string, array or object in this line was cut because it reached a cap"},

	{Name: "balanced", In: Ledger, Type: Boolean, Doc: "whether each account's total equals the sum of its rows"},
	{Name: "accounts", In: Ledger, Type: Any, Doc: "by stage: an object with `unit` (`packets`, `bytes`, `flows`, `sessions`, `records`; `buffers` of what an interface has counted itself), `total` (what came in) and `rows` (where it went, by name)"},
}
