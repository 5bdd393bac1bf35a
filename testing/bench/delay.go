// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net"
	"time"
)

// startDelay starts a TCP proxy before target that delays every byte by half the
// round trip, in each direction. It adds latency and does not limit throughput.
func startDelay(ctx context.Context, target string, roundTrip time.Duration) (address string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
			if err != nil {
				_ = near.Close()
				continue
			}
			go delay(far, near, roundTrip/2)
			go delay(near, far, roundTrip/2)
		}
	}()
	return listener.Addr().String(), nil
}

// parcel is the data of one read, and when to pass it on.
type parcel struct {
	bytes []byte
	due   time.Time
}

func delay(to io.WriteCloser, from io.Reader, wait time.Duration) {
	// Large enough for what a fast sender has in flight. Ends with the sender.
	parcels := make(chan parcel, 1<<16)
	go func() {
		defer close(parcels)
		for {
			bytes := make([]byte, 16<<10)
			n, err := from.Read(bytes)
			if n > 0 {
				parcels <- parcel{bytes[:n], time.Now().Add(wait)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range parcels {
		time.Sleep(time.Until(p.due)) // this is the delay of the link
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	_ = to.Close()
	for range parcels { // let the reader end
	}
}
