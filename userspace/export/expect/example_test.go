package expect_test

import (
	"fmt"
	"strings"

	"flowscope/userspace/export/expect"
)

func ExampleCompare() {
	got := strings.NewReader(`{"type":"flow","src_ip":"10.0.0.2","bytes_fwd":61}`)
	want := strings.NewReader(`{"type":"flow","src_ip":"10.0.0.2","bytes_fwd":60}`)
	diff, equal, err := expect.Compare(got, want)
	fmt.Print(equal, " ", err, "\n", diff)
	// Output:
	// false <nil>
	// output line 1 differs from golden line 1 (flow 10.0.0.2):
	//     bytes_fwd: is 61, want 60
	// 1 line differs
}
