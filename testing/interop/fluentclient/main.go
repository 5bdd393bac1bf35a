// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

// connections are as many as there are records under way: the library waits for the
// confirmation of each.
const connections = 32

func main() {
	if len(os.Args) != 5 || os.Args[2] != "Message" {
		log.Fatal("usage: fluentclient PORT Message FIRST LAST")
	}
	var numbers [3]int
	for i, text := range []string{os.Args[1], os.Args[3], os.Args[4]} {
		number, err := strconv.Atoi(text)
		if err != nil {
			log.Fatal(err)
		}
		numbers[i] = number
	}
	var next atomic.Int64
	next.Store(int64(numbers[1]))
	var sending sync.WaitGroup
	for range connections {
		sending.Go(func() { send(numbers[0], &next, numbers[2]) })
	}
	sending.Wait()
	fmt.Println("confirmed", numbers[2])
}

// send sends records until there are no more, on a connection of its own.
func send(port int, next *atomic.Int64, last int) {
	config := fluent.Config{
		FluentHost: "127.0.0.1", FluentPort: port, TagPrefix: "app",
		RequestAck: true, SubSecondPrecision: true, ReadTimeout: 5 * time.Second,
		RetryWait: 100, MaxRetry: 2, MaxRetryWait: 500,
	}
	if os.Getenv("CA") != "" {
		// The library takes no authority.
		config.FluentNetwork, config.TlsInsecureSkipVerify = "tls", true
	}
	var logger *fluent.Fluent
	for seq := int(next.Add(1)) - 1; seq <= last; seq = int(next.Add(1)) - 1 {
		for {
			err := error(nil)
			if logger == nil {
				logger, err = fluent.New(config)
			}
			if err == nil {
				err = logger.PostWithTime(fmt.Sprintf("tag%d", seq%3), time.Unix(int64(1612563429+seq), int64(seq)*49999),
					map[string]string{"message": fmt.Sprintf("a line seq=%d", seq)})
			}
			if err == nil {
				break
			}
			if logger != nil {
				_ = logger.Close() // it may be broken
				logger = nil
			}
			time.Sleep(200 * time.Millisecond)
		}
		if seq%1000 == 0 {
			fmt.Println("confirmed", seq)
		}
	}
	if logger != nil {
		_ = logger.Close() // all is confirmed
	}
}
