// Centrifuge, the library that Centrifugo is made of, with its own defaults: in-memory broker, JSON protocol, WebSocket
// and event streams. It talks with the bench as the servers in JavaScript do (side.mjs), and publishes from inside too.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/centrifugal/centrifuge"
)

const (
	messageBytes   = 128
	clockMonotonic = 1
)

type scenario struct {
	Topics int `json:"topics"`
	Burst  int `json:"burst"`
}

type command struct {
	Publish *struct {
		Rate   float64 `json:"rate"`
		Bursts int     `json:"bursts"`
	} `json:"publish"`
}

var lastStamp int64

// stamp is what the load measures latency from; the runtime's own monotonic clock has no zero to share.
func stamp() int64 {
	var now syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		panic(errno)
	}
	lastStamp = max(lastStamp+1, now.Nano())
	return lastStamp
}

func message(topic string) []byte {
	head := fmt.Sprintf(`{"id":"%s","at":"@@%016d","pad":"`, topic, stamp())
	return []byte(head + strings.Repeat("x", messageBytes-len(head)-2) + `"}`)
}

func newNode() *centrifuge.Node {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		panic(err)
	}
	// A client is subscribed to the channels that its connect command lists.
	node.OnConnecting(func(_ context.Context, event centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		subscriptions := make(map[string]centrifuge.SubscribeOptions, len(event.Channels))
		for _, channel := range event.Channels {
			subscriptions[channel] = centrifuge.SubscribeOptions{}
		}
		reply := centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: "load"},
			Subscriptions: subscriptions,
		}
		return reply, nil
	})
	if err := node.Run(); err != nil {
		panic(err)
	}
	return node
}

func publishAll(node *centrifuge.Node, spec scenario, rate float64, bursts int) int {
	start := time.Now()
	for done := range bursts {
		time.Sleep(time.Until(start.Add(time.Duration(float64(done) / rate * float64(time.Second)))))
		for i := range spec.Burst {
			topic := fmt.Sprintf("t%d", (done*spec.Burst+i)%spec.Topics)
			if _, err := node.Publish(topic, message(topic)); err != nil {
				panic(err)
			}
		}
	}
	return bursts * spec.Burst
}

func main() {
	var spec scenario
	if err := json.Unmarshal([]byte(os.Args[1]), &spec); err != nil {
		panic(err)
	}
	node := newNode()
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	http.Handle("/connection/sse", centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { panic(http.Serve(listener, nil)) }()
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)

	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		var asked command
		if err := json.Unmarshal(commands.Bytes(), &asked); err != nil {
			panic(err)
		}
		if asked.Publish != nil {
			fmt.Printf("{\"published\":%d}\n", publishAll(node, spec, asked.Publish.Rate, asked.Publish.Bursts))
			continue
		}
		debug.FreeOSMemory()
		fmt.Println(`{"settled":true}`)
	}
}
