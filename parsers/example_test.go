package parsers_test

import (
	"fmt"
	"slices"

	"flowscope/parsers"
	"flowscope/sensor"
)

// A slice of your own: everything but one protocol.
func Example() {
	mine := slices.DeleteFunc(slices.Clone(parsers.All), func(p sensor.Protocol) bool { return p.Name == "llmnr" })
	fmt.Println(len(parsers.All)-len(mine), "left out")
	// Output: 1 left out
}
