package filter

// words maps each reserved word to the one spelling used from here on. The
// words of primitives that are refused are here too: they cannot be names.
var words = wordTable(
	"dst", "src", "host", "net", "mask", "port", "portrange", "proto", "protochain", "gateway",
	"less", "greater", "byte", "broadcast", "multicast", "and", "or", "not", "inbound", "outbound", "ifindex",
	"vlan", "mpls", "pppoed", "pppoes", "geneve", "len", "length=len",
	"link", "ether=link", "ppp=link", "slip=link", "fddi", "tr", "wlan",
	"ip", "ip6", "arp", "rarp", "sctp", "tcp", "udp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp", "ah", "esp",
	"atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "stp", "ipx", "netbeui", "iso",
	"radio", "esis", "es-is=esis", "isis", "is-is=isis", "clnp", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp",
	"type", "subtype", "dir", "direction=dir", "addr1", "address1=addr1", "addr2", "address2=addr2",
	"addr3", "address3=addr3", "addr4", "address4=addr4", "ra", "ta",
	"ifname", "on=ifname", "rset", "ruleset=rset", "rnr", "rulenum=rnr", "srnr", "subrulenum=srnr", "reason", "action",
	"lane", "llc", "metac", "bcc", "oam", "oamf4", "oamf4ec", "oamf4sc", "sc", "ilmic", "vpi", "vci", "connectmsg", "metaconnect",
	"fisu", "lssu", "lsu=lssu", "msu", "hfisu", "hlssu", "hmsu", "sio", "opc", "dpc", "sls", "hsio", "hopc", "hdpc", "hsls",
)

func wordTable(list ...string) map[string]string {
	m := make(map[string]string, len(list))
	for _, w := range list {
		word, as := w, w
		for i := range w {
			if w[i] == '=' {
				word, as = w[:i], w[i+1:]
			}
		}
		m[word] = as
	}
	return m
}

// refused says why a reserved word begins nothing that is compiled here.
var refused = map[string]string{
	"gateway":    "gateway is not supported: it needs a name to look up; write ether host MAC and not host ADDRESS",
	"protochain": "protochain is not supported: it needs a loop, which a kernel would refuse; write proto NUMBER, or ip6[6] = NUMBER",
	"inbound":    "inbound is not supported: a frame of a file does not say; on Linux cooked captures write ether[0:2] != 4 (SLL) or ether[10] != 4 (SLL2)",
	"outbound":   "outbound is not supported: a frame of a file does not say; on Linux cooked captures write ether[0:2] = 4 (SLL) or ether[10] = 4 (SLL2)",
	"ifindex":    "ifindex is not supported; on Linux cooked captures v2 write ether[4:4] = NUMBER",
	"byte":       "byte is not supported; write ether[OFFSET] & MASK = VALUE",
	"geneve":     "geneve is not supported; write udp port 6081",
	"ifname":     "ifname and the other primitives of the packet filter pf are not supported",
	"llc":        "llc is not supported; write ether[14] = SAP and ether[12:2] <= 1500",
}

// constants are the named numbers of pcap-filter(7).
var constants = map[string]uint32{
	"icmptype": 0, "icmpcode": 1,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12,
	"icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16,
	"icmp-maskreq": 17, "icmp-maskreply": 18,

	"icmp6type": 0, "icmp6code": 1,
	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
	"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
	"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132,
	"icmp6-routersolicit": 133, "icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136,
	"icmp6-redirect": 137, "icmp6-routerrenum": 138,
	"icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
	"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143,
	"icmp6-homeagentdiscoveryrequest": 144, "icmp6-homeagentdiscoveryreply": 145,
	"icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147,
	"icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149,
	"icmp6-multicastrouteradvert": 151, "icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,

	"tcpflags": 13,
	"tcp-fin":  0x01, "tcp-syn": 0x02, "tcp-rst": 0x04, "tcp-push": 0x08,
	"tcp-ack": 0x10, "tcp-urg": 0x20, "tcp-ece": 0x40, "tcp-cwr": 0x80,
}

// Ethernet types (IEEE 802 Numbers) and LLC service access points.
const (
	etherIP     = 0x0800
	etherARP    = 0x0806
	etherRARP   = 0x8035
	etherIP6    = 0x86dd
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherATALK  = 0x809b
	etherAARP   = 0x80f3
	etherIPX    = 0x8137
	etherDECnet = 0x6003

	maxEtherLen = 1500 // an Ethernet type up to here is the length of an 802.3 frame

	sapIP      = 0x06
	sapSTP     = 0x42
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe
)

// linkProtocols are the names of protocols that the link layer tells apart.
var linkProtocols = map[string]uint32{
	"ip": etherIP, "arp": etherARP, "rarp": etherRARP, "ip6": etherIP6,
	"aarp": etherAARP, "atalk": etherATALK, "decnet": etherDECnet,
	"lat": 0x6004, "sca": 0x6007, "moprc": 0x6002, "mopdl": 0x6001,
	"iso": sapISO, "stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI,
}

// IP protocol numbers.
const (
	protoICMP     = 1
	protoIGMP     = 2
	protoTCP      = 6
	protoIGRP     = 9
	protoUDP      = 17
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoICMP6    = 58
	protoPIM      = 103
	protoVRRP     = 112
	protoSCTP     = 132
)

// ipProtocols are the names that `proto` understands: those of IANA that every
// /etc/protocols has with the same number.
var ipProtocols = map[string]uint32{
	"icmp": protoICMP, "igmp": protoIGMP, "tcp": protoTCP, "udp": protoUDP, "gre": 47, "esp": protoESP, "ah": protoAH,
	"ipv6-icmp": protoICMP6, "ospf": 89, "pim": protoPIM, "vrrp": protoVRRP, "l2tp": 115, "sctp": protoSCTP, "udplite": 136,
}

// service is a named port. A transport of 0 stands for TCP, UDP and SCTP.
type service struct {
	port      uint32
	transport uint32
}

// services are the port names that are known without /etc/services: those that
// mean the same on all machines.
var services = map[string]service{
	"ftp": {21, protoTCP}, "ssh": {22, protoTCP}, "telnet": {23, protoTCP}, "smtp": {25, protoTCP},
	"domain": {53, 0}, "http": {80, protoTCP}, "ntp": {123, protoUDP}, "https": {443, 0},
	"pop3": {110, protoTCP}, "imap2": {143, protoTCP}, "bgp": {179, protoTCP}, "syslog": {514, 0},
	"ldap": {389, 0}, "sip": {5060, 0}, "tftp": {69, protoUDP},
}

const serviceNames = "bgp, domain, ftp, http, https, imap2, ldap, ntp, pop3, sip, smtp, ssh, syslog, telnet, tftp"
