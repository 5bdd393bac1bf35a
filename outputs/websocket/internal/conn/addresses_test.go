// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// farm is a name with several addresses, behind each of which something else is.
type farm struct {
	serve map[string]func(net.Conn) // by host and port; nil: no answer to a SYN

	mutex   sync.Mutex
	dialled []string
}

// options dials the farm.
func (f *farm) options() Options {
	options := testOptions()
	options.ConnectTimeout = 10 * time.Second
	options.Addresses = &Addresses{}
	options.Resolve = func(_ context.Context, host string) (found []string, err error) {
		for address := range f.serve {
			if ip, _, _ := net.SplitHostPort(address); strings.HasPrefix(ip, strings.TrimSuffix(host, ".test")) {
				found = append(found, ip)
			}
		}
		return found, nil
	}
	options.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		f.mutex.Lock()
		f.dialled = append(f.dialled, address)
		f.mutex.Unlock()
		serve := f.serve[address]
		if serve == nil {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			serve(server)
		}()
		return client, nil
	}
	return options
}

// takeDialled returns what was dialled since it was last called.
func (f *farm) takeDialled() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	dialled := f.dialled
	f.dialled = nil
	return dialled
}

// hanging accepts, and answers nothing.
func hanging(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestTheNextAttemptBeginsBehindTheAddressThatFailed(t *testing.T) {
	healthy := switchingAfter("")
	for name, sick := range map[string]func(net.Conn){
		"does not answer a SYN":    nil,
		"accepts and hangs":        hanging,
		"answers 503":              replying("HTTP/1.1 503 Service Unavailable\r\n\r\n"),
		"accepts and closes":       func(net.Conn) {},
		"does not speak WebSocket": replying("220 mail.example.com ESMTP\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sickFirst := 0
				for range 40 {
					f := &farm{serve: map[string]func(net.Conn){"peer1:80": sick, "peer2:80": healthy}}
					options := f.options()
					c, err := Dial(t.Context(), options)
					first := f.takeDialled()
					if first[0] == "peer1:80" {
						sickFirst++
					}
					if err != nil {
						require.Equal(t, []string{"peer1:80"}, first)
						c, err = Dial(t.Context(), options)
						require.Equal(t, []string{"peer2:80"}, f.takeDialled())
					}
					require.NoError(t, err)
					options.Addresses.Reached()
					c.Cut()
					if first[0] == "peer2:80" {
						continue
					}
					for range 5 {
						c, err = Dial(t.Context(), options)
						require.NoError(t, err)
						c.Cut()
					}
					require.NotContains(t, f.takeDialled(), "peer1:80", "it is tried after the others")
				}
				require.NotZero(t, sickFirst, "the order is random")
				require.Less(t, sickFirst, 40, "the order is random")
			})
		})
	}
}

// The upgrade succeeds, and the probe after it does not.
func TestAnAddressThatFailsAfterTheUpgradeComesLast(t *testing.T) {
	f := &farm{serve: map[string]func(net.Conn){"peer1:80": switchingAfter(""), "peer2:80": switchingAfter("")}}
	options := f.options()
	last := ""
	for range 20 {
		c, err := Dial(t.Context(), options)
		require.NoError(t, err)
		c.Cut()
		options.Addresses.Failed()
		dialled := f.takeDialled()
		require.Len(t, dialled, 1)
		require.NotEqual(t, last, dialled[0])
		last = dialled[0]
	}
}

func TestAnAddressThatDoesNotAnswerHasItsShareOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			f := &farm{serve: map[string]func(net.Conn){"peer1:80": nil, "peer2:80": switchingAfter("")}}
			begun := time.Now()
			c, err := Dial(t.Context(), f.options())
			require.NoError(t, err)
			c.Cut()
			if len(f.takeDialled()) == 2 {
				require.Equal(t, 5*time.Second, time.Since(begun))
			} else {
				require.Zero(t, time.Since(begun))
			}
		}
		f := &farm{serve: map[string]func(net.Conn){"peer1:80": nil, "peer2:80": nil}}
		begun := time.Now()
		_, err := Dial(t.Context(), f.options())
		require.ErrorContains(t, err, "connect_timeout (10s)")
		require.Equal(t, 10*time.Second, time.Since(begun))
		require.Len(t, f.takeDialled(), 2)
	})
}

func TestAFailedAddressIsForgivenAfterSomeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Addresses{}
		a.blame("a")
		for range 50 {
			require.Equal(t, []string{"b", "a"}, a.order([]string{"a", "b"}))
		}
		time.Sleep(failureMemory)
		firsts := map[string]bool{}
		for range 50 {
			firsts[a.order([]string{"a", "b"})[0]] = true
		}
		require.Len(t, firsts, 2)
		require.Empty(t, a.failed, "nothing is kept")
	})
}

func TestAnAddressThatIsOfUseAgainIsForgiven(t *testing.T) {
	a := &Addresses{}
	a.blame("a")
	a.blame("b")
	require.NoError(t, a.each(t.Context(), []string{"a"}, func(context.Context, string) error { return nil }))
	a.Reached()
	for range 20 {
		require.Equal(t, []string{"a", "b"}, a.order([]string{"b", "a"}))
	}
}

// tunnelling is a proxy whose tunnels lead to the addresses of a farm.
func (f *farm) tunnelling(c net.Conn) {
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	f.mutex.Lock()
	f.dialled = append(f.dialled, "for "+request.Host)
	f.mutex.Unlock()
	serve := f.serve[request.Host]
	if serve == nil {
		_, _ = io.WriteString(c, "HTTP/1.1 504 Gateway Timeout\r\n\r\n")
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	serve(c)
}

func TestAddressesBehindAndOfAProxyAreTriedOneAfterTheOther(t *testing.T) {
	for name, sick := range map[string]func(net.Conn){
		"unreachable for the proxy": nil,
		"answers 503":               replying("HTTP/1.1 503 Service Unavailable\r\n\r\n"),
		"hangs":                     hanging,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 20 {
					f := &farm{}
					f.serve = map[string]func(net.Conn){"peer1:80": sick, "peer2:80": switchingAfter(""), "proxy1:3128": hanging, "proxy2:3128": f.tunnelling}
					options := f.options()
					options.Proxy = testProxy("http")
					options.Proxy.ResolveHere = true
					var c *Conn
					err := errors.New("not dialled")
					attempts := 0
					for ; err != nil; attempts++ {
						require.Less(t, attempts, 4, "%q", f.dialled)
						c, err = Dial(t.Context(), options)
						time.Sleep(time.Second) // the backoff, on the fake clock
					}
					c.Cut()
					dialled := f.takeDialled()
					require.Equal(t, "for peer2:80", dialled[len(dialled)-1])
				}
			})
		})
	}
}

func TestTheNameOfTheURLIsWhatTheServerIsAskedFor(t *testing.T) {
	hosts := make(chan string, 1)
	options := answering(t, func(c net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(c))
		if err == nil {
			hosts <- request.Host
		}
	})
	options.URL = &url.URL{Scheme: "ws", Host: "logs.test:80", Path: "/"}
	options.Resolve = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	_, err := Dial(t.Context(), options)
	require.Error(t, err)
	require.Equal(t, "logs.test:80", <-hosts)
}
