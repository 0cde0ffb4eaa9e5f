// Command benchgen writes a large capture for benchmarks. The same arguments
// give the same bytes on every machine.
//
//	go run ./testdata/benchgen -o FILE [-packets 2000000] [-mix mixed|small]
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"flowscope/testdata/load"
)

func main() {
	log.SetFlags(0)
	name := flag.String("o", "", "`file` to write, pcap")
	packets := flag.Int("packets", 2_000_000, "about how many packets")
	mix := flag.String("mix", "mixed", "mixed: a server's traffic; small: many flows of ten packets of 60 bytes")
	flag.Parse()
	write, ok := map[string]func(io.Writer, int) (load.Sums, error){"mixed": load.Mixed, "small": load.Small}[*mix]
	if !ok || *name == "" || flag.NArg() > 0 || *packets < 1 {
		flag.Usage()
		os.Exit(2)
	}
	f, err := os.Create(*name)
	if err != nil {
		log.Fatal(err)
	}
	sums, err := write(f, *packets)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d packets, %d bytes (%d on average), %d flows, %d packets lost\n",
		*name, sums.Packets, sums.Bytes, sums.Bytes/sums.Packets, sums.Flows, sums.Lost)
}
