package main

import (
	"fmt"

	"flowscope/userspace/live"
	"flowscope/userspace/replay"
)

// throughKernel makes an opener of which the packets are classified by the kernel
// half.
func (o *options) throughKernel(p *program, open opener) opener {
	return func(opt replay.Options) (*replay.Source, error) {
		through, err := live.OpenThrough(live.Options{Classify: opt.Classify, Filter: opt.Filter})
		if err != nil {
			if o.verbose {
				fmt.Fprint(p.stderr, live.VerifierLog(err))
			}
			return nil, err
		}
		o.kernel, opt.Classifier = through, through
		return open(opt)
	}
}

func (o *options) closeThrough() {
	if o.kernel != nil {
		_ = o.kernel.Close()
	}
}
