// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/receiver"
	"filebeat-websocket/testing/rfc6455"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the tables of docs/rfc6455.md")

const document = "../../../../docs/rfc6455.md"

// inbox is what the application has got. It is a conn.Handler.
type inbox struct {
	mutex    sync.Mutex
	messages []rfc6455.Message
}

func (in *inbox) add(m rfc6455.Message) {
	in.mutex.Lock()
	defer in.mutex.Unlock()
	in.messages = append(in.messages, m)
}

func (in *inbox) got() []rfc6455.Message {
	in.mutex.Lock()
	defer in.mutex.Unlock()
	return slices.Clone(in.messages)
}

func (in *inbox) Heard()                 {}
func (in *inbox) Pong([]byte)            {}
func (in *inbox) Message(payload []byte) { in.add(rfc6455.Message{Data: string(payload)}) }

// noTraffic is a conn.Traffic.
type noTraffic struct{}

func (noTraffic) MessageBytes(int, int) {}
func (noTraffic) ReadBytes(int)         {}
func (noTraffic) WriteBytes(int)        {}

// dialed lets our client dial a pipe, whose other end play gets. in is what the client's
// application gets.
func dialed(t *testing.T, deflate bool, in *inbox, play func(server net.Conn)) {
	t.Helper()
	client, server := net.Pipe()
	options := conn.Options{
		URL:            &url.URL{Scheme: "ws", Host: "peer.test:80", Path: "/"},
		ConnectTimeout: 10 * time.Second,
		WriteTimeout:   10 * time.Second,
		MaxReadBytes:   rfc6455.Limit,
		Traffic:        noTraffic{},
		Resolve:        func(_ context.Context, host string) ([]string, error) { return []string{host}, nil },
		Dial:           func(context.Context, string, string) (net.Conn, error) { return client, nil },
	}
	if deflate {
		options.CompressionLevel = 1
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		c, err := conn.Dial(t.Context(), options)
		if err != nil {
			_ = client.Close() // Dial has not, if it refused the answer before the library saw it
			return
		}
		_ = c.Read(in) // what it says, the other end sees
		c.Cut()
	})
	play(server)
	ended.Wait()
}

// playClient plays a case to our client.
func playClient(t *testing.T, c rfc6455.Case) (seen rfc6455.Seen) {
	t.Helper()
	in := &inbox{}
	dialed(t, c.Deflate, in, func(server net.Conn) {
		reader, err := rfc6455.Accept(server, c.Deflate)
		if err != nil {
			seen.Fault = err.Error()
			_ = server.Close()
			return
		}
		seen = rfc6455.Play(c, rfc6455.Client, server, reader, in.got)
	})
	return seen
}

// ourServer serves one Handler for all connections. Their addresses tell them apart.
type ourServer struct {
	address string
	mutex   sync.Mutex
	inboxes map[string]*inbox
}

func startServer(t *testing.T) *ourServer {
	t.Helper()
	s := &ourServer{inboxes: map[string]*inbox{}}
	sink := receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
		kind := "text"
		if m.Binary {
			kind = "binary"
		}
		for _, record := range m.Records {
			var raw struct{ Message string }
			if err := json.Unmarshal(record, &raw); err != nil {
				return err
			}
			s.of(m.Peer.RemoteAddr).add(rfc6455.Message{Kind: kind, Data: raw.Message})
		}
		return nil
	})
	handler, err := receiver.New(sink, receiver.Options{Format: "raw", MaxMessageBytes: rfc6455.Limit})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		require.NoError(t, handler.Shutdown(context.WithoutCancel(t.Context())))
		server.Close()
	})
	s.address = server.Listener.Addr().String()
	return s
}

func (s *ourServer) of(remote string) *inbox {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.inboxes[remote]
}

func (s *ourServer) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
	require.NoError(t, err)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.inboxes[c.LocalAddr().String()] = &inbox{} // the port may have been that of an earlier case
	return c
}

// play plays a case to our server.
func (s *ourServer) play(t *testing.T, c rfc6455.Case) (seen rfc6455.Seen) {
	t.Helper()
	to := s.dial(t)
	reader, err := rfc6455.Upgrade(to, "/", c.Deflate)
	if err != nil {
		_ = to.Close()
		return rfc6455.Seen{Fault: err.Error()}
	}
	return rfc6455.Play(c, rfc6455.Server, to, reader, s.of(to.LocalAddr().String()).got)
}

// row is a row of a table.
type row struct{ group, name, section, expected, client, server string }

// atOnce is how many connections there are at a time.
const atOnce = 16

// TestBothSidesHoldToTheRFCs makes the tables of docs/rfc6455.md.
func TestBothSidesHoldToTheRFCs(t *testing.T) {
	server := startServer(t)
	cases, handshakes := rfc6455.Cases(), rfc6455.Handshakes()
	rows := make([]row, len(cases)+len(handshakes))
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, c := range cases {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			r := row{c.Group, c.Name, c.Section, c.Expected(), "", ""}
			if c.Only != rfc6455.Server {
				seen := playClient(t, c)
				r.client = verdict(c.Holds(seen), seen.String())
			}
			if c.Only != rfc6455.Client {
				seen := server.play(t, c)
				r.server = verdict(c.Holds(seen), seen.String())
			}
			rows[i] = r
		})
	}
	for i, h := range handshakes {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			r := row{h.Group, h.Name, h.Section, h.Expected(), "", ""}
			if h.Side == rfc6455.Server {
				seen := h.ToServer(server.dial(t), "/")
				r.server = verdict(h.Holds(seen), seen)
			} else {
				var seen string
				dialed(t, h.Deflate, &inbox{}, func(to net.Conn) { seen = h.ToClient(to) })
				r.client = verdict(h.Holds(seen), seen)
			}
			rows[len(cases)+i] = r
		})
	}
	all.Wait()
	require.GreaterOrEqual(t, len(rows), 200)
	var wrong []string
	for _, r := range rows {
		if strings.HasPrefix(r.client, "**") || strings.HasPrefix(r.server, "**") {
			wrong = append(wrong, fmt.Sprintf("%s: %s (%s): expected: %s; client: %s; server: %s", r.group, r.name, r.section, r.expected, r.client, r.server))
		}
	}
	require.Empty(t, wrong, "%d cases:\n%s", len(wrong), strings.Join(wrong, "\n"))
	requireTable(t, rows)
}

func verdict(holds bool, seen string) string {
	if !holds {
		return "**" + seen + "**"
	}
	return seen
}

// requireTable compares the tables with the document, or writes them with -update.
func requireTable(t *testing.T, rows []row) {
	t.Helper()
	var table strings.Builder
	group := ""
	fmt.Fprintf(&table, "%d cases.\n", len(rows))
	for i, r := range rows {
		if r.group != group {
			group = r.group
			fmt.Fprintf(&table, "\n### %s\n\n| | case | section | expected | client | server |\n|--:|---|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&table, "| %d | %s | %s | %s | %s | %s |\n", i+1, r.name, r.section, r.expected, r.client, r.server)
	}
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	opening, end := "<!-- cases: begin -->\n", "<!-- cases: end -->"
	before, rest, found := strings.Cut(string(content), opening)
	require.True(t, found)
	is, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(before+opening+table.String()+end+after), 0o644))
		return
	}
	require.Equal(t, table.String(), is, "go test ./outputs/websocket/internal/rfc6455 -update writes it")
}
