// Package gen holds the compiled kernel half and the Go types of its ABI, both
// made by bpf2go from the C in bpf/. It is not written by hand, but for this
// file, and nothing but userspace/live imports it.
//
// The objects are little-endian, for amd64 and arm64. Making them needs
// Debian's clang-14, llvm-14 and libbpf-dev; the same compiler makes the same
// bytes.
package gen

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-14 -strip llvm-strip-14 -no-global-types -target amd64,arm64 -output-stem sensor -type fs_key -type fs_flow -type fs_dir -type fs_record -type fs_ledger -type fs_sum -type fs_control -type fs_poke -type fs_finding -type fs_reason -type fs_fate -type fs_overflow -type fs_verdict Sensor ../bpf/sensor.bpf.c -- -I../bpf/include -O2 -g -Wall -Werror -mcpu=v3 -mllvm -no-stack-slot-sharing

// The program that the cost of the kernel half is measured against is in an
// object of its own, which only tests load.
//
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-14 -strip llvm-strip-14 -no-global-types -target amd64,arm64 -output-stem bare Bare ../bpf/bare.bpf.c -- -I../bpf/include -O2 -g -Wall -Werror -mcpu=v3

// The types of bpf/types.h and bpf/maps.h.
type (
	Key     = SensorFsKey
	Flow    = SensorFsFlow
	Dir     = SensorFsDir
	Record  = SensorFsRecord
	Ledger  = SensorFsLedger
	Sum     = SensorFsSum
	Control = SensorFsControl
	Poke    = SensorFsPoke
	Finding = SensorFsFinding
)

// RecordSize is the length of a Record in a ring, its padding included.
const RecordSize = 96
