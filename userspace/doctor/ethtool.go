//go:build linux

package doctor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The questions of linux/ethtool.h that are asked.
const (
	getTSO   = 0x1e
	getGSO   = 0x23
	getFlags = 0x25
	getGRO   = 0x2b

	flagLRO = 1 << 15
)

// offloadsOf returns the offloads that are on.
func offloadsOf(name string) ([]string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var on []string
	for _, q := range []struct {
		cmd  uint32
		mask uint32
		name string
	}{{getGRO, ^uint32(0), "GRO"}, {getFlags, flagLRO, "LRO"}, {getGSO, ^uint32(0), "GSO"}, {getTSO, ^uint32(0), "TSO"}} {
		v, err := ethtool(fd, name, q.cmd)
		if err != nil {
			return nil, err
		}
		if v&q.mask != 0 {
			on = append(on, q.name)
		}
	}
	return on, nil
}

// ethtool asks one question whose answer is a number: struct ethtool_value,
// through struct ifreq.
func ethtool(fd int, name string, cmd uint32) (uint32, error) {
	value := [2]uint32{cmd}
	var request struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	request.data = unsafe.Pointer(&value)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	switch errno {
	case 0:
		return value[1], nil
	case unix.EOPNOTSUPP:
		return 0, nil
	}
	return 0, errno
}

// driverOf names the driver of an interface.
func driverOf(name string) (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, name)
	if err != nil {
		return "", err
	}
	return unix.ByteSliceToString(info.Driver[:]), nil
}
