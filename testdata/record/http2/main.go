// Command http2 is what parsers/http2/testdata/record.sh records besides nginx and
// curl: server and client of golang.org/x/net/http2, and calls of google.golang.org/grpc.
// It is no part of the sensor.
//
//	http2 server ADDRESS   answers until it is killed, also those who ask for an upgrade
//	http2 get ADDRESS      asks nginx there, one after the other and then at one time
//	http2 grpc ADDRESS     serves gRPC, calls itself in all ways there are, and ends
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: http2 server|get|grpc ADDRESS")
	}
	if os.Args[1] == "get" {
		get("http://" + os.Args[2])
		return
	}
	l, err := net.Listen("tcp", os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[1] == "server" {
		log.Fatal(http.Serve(l, h2c.NewHandler(http.HandlerFunc(serve), &http2.Server{})))
	}
	if err := calls(l); err != nil {
		log.Fatal(err)
	}
}

// serve answers with what it was sent, in two pieces and with a trailer.
func serve(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Trailer", "X-Sum")
	w.Header().Add("Set-Cookie", "session=hidden")
	fmt.Fprintf(w, "%s %s\n", r.Method, r.URL.Path)
	w.(http.Flusher).Flush()
	fmt.Fprintf(w, "%d bytes\n", n)
	w.Header().Set("X-Sum", fmt.Sprint(n))
}

// get asks for what record.sh has put there.
func get(url string) {
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
	ask := func(method, path, body string, fields ...string) {
		r, err := http.NewRequest(method, url+path, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		for i := 0; i+1 < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			log.Print(err)
			return
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	ask("GET", "/index.html", "")
	ask("HEAD", "/text.txt", "")
	ask("GET", "/moved", "", "Referer", "http://user:hidden@example.com/?key=hidden")
	ask("GET", "/none?q=1&password=hidden", "")
	ask("GET", "/text.txt", "", "Accept-Encoding", "gzip")
	ask("GET", "/nothing", "")
	ask("GET", "/secret", "", "Authorization", "Basic dXNlcjpoaWRkZW4=", "Cookie", "session=hidden")
	ask("GET", "/index.html", "", "If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT")
	ask("POST", "/post", "a=1")
	ask("POST", "/post", strings.Repeat("x", 1500)) // too large
	var all sync.WaitGroup
	for _, path := range []string{"/index.html", "/text.txt", "/none"} {
		all.Go(func() { ask("GET", path, "") })
	}
	all.Wait()
	transport.CloseIdleConnections()
}

// The service: a message is a string.
type text = wrapperspb.StringValue

var service = grpc.ServiceDesc{
	ServiceName: "example.v1.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in text
		if err := decode(&in); err != nil {
			return nil, err
		}
		switch in.Value {
		case "missing":
			return nil, status.Error(codes.NotFound, "no such thing: 100 % sure, naïve")
		case "slow":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return &in, nil
	}}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Count", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			var in text
			if err := s.RecvMsg(&in); err != nil {
				return err
			}
			for i := range 3 {
				if err := s.SendMsg(wrapperspb.String(strings.Repeat(in.Value, i+1))); err != nil {
					return err
				}
			}
			return nil
		}},
		{StreamName: "Talk", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			for {
				var in text
				if err := s.RecvMsg(&in); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if err := s.SendMsg(&in); err != nil {
					return err
				}
			}
		}},
	},
}

func calls(l net.Listener) error {
	srv := grpc.NewServer()
	srv.RegisterService(&service, nil)
	go srv.Serve(l)
	defer srv.GracefulStop()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer hidden", "x-tenant", "t1")
	say := func(method, word string) {
		var out text
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_ = conn.Invoke(ctx, "/example.v1.Echo/"+method, wrapperspb.String(word), &out)
	}
	say("Say", "hello")
	say("Say", "hello again")
	say("Say", "missing")
	say("Shout", "hello") // there is no such method
	say("Say", "slow")    // the client gives up
	if err := talk(ctx, conn, "Count", 1); err != nil {
		return err
	}
	return talk(ctx, conn, "Talk", 2)
}

// talk sends so many messages, and reads until the server has no more.
func talk(ctx context.Context, conn *grpc.ClientConn, method string, sent int) error {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/example.v1.Echo/"+method)
	if err != nil {
		return err
	}
	for i := range sent {
		if err := s.SendMsg(wrapperspb.String(fmt.Sprint("message ", i))); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	for {
		var in text
		if err := s.RecvMsg(&in); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
