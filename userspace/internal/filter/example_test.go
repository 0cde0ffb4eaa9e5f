package filter_test

import (
	"fmt"

	"flowscope/userspace/internal/filter"
)

func ExampleCompile() {
	const ethernet = 1
	p, err := filter.Compile("udp port 53 or vlan", ethernet, 65535)
	if err != nil {
		fmt.Println(err)
		return
	}
	frame := make([]byte, 60)
	frame[12] = 0x81 // a VLAN tag
	fmt.Println(p.Match(frame, len(frame)))

	_, err = filter.Compile("tcp and host example.org", ethernet, 65535)
	fmt.Println(err)
	// Output:
	// true
	// filter, at byte 13 ("example.org"): host names are not looked up: use the address
}
