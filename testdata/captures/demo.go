package captures

import "flowscope/testdata/build"

func demo() *build.Capture { return build.New() }
