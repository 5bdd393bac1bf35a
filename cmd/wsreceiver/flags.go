// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/sink/file"
)

const (
	healthPath  = "/healthz"
	metricsPath = "/metrics"
)

const (
	defaultDedup   = 1_000_000
	minRotateBytes = 1 << 20
)

// settings are the flags' values.
type settings struct {
	listen          string
	path            string
	format          string
	ack             string
	out             string
	rotateBytes     byteSize
	sync            bool
	dedup           int
	quiet           bool
	metrics         bool
	tail            bool
	tlsCert         string
	tlsKey          string
	clientCA        string
	tokenFile       string
	sharedKeyFile   string
	insecure        bool
	maxMessageBytes byteSize
	maxConnections  int
	version         bool
}

func newFlagSet(s *settings) *flag.FlagSet {
	flags := flag.NewFlagSet("wsreceiver", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run says what is wrong, once
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&s.path, "path", "/ingest", "URL `path` that takes records")
	flags.StringVar(&s.format, "format", "auto", "what messages hold: `name` is one of "+strings.Join(decode.Formats(), ", "))
	flags.StringVar(&s.ack, "ack", "auto", "`mode` of confirmations: auto confirms messages to clients that offer filebeat.ack.v1, and Forward requests with a chunk; none confirms to nobody")
	flags.StringVar(&s.out, "out", "-", "`file` to append records to, as NDJSON, or folder for files that are rotated; - is standard output. What is a folder already or ends with a slash is one")
	s.rotateBytes = file.DefaultRotateBytes
	flags.Var(&s.rotateBytes, "rotate-bytes", "`size` at which another file is begun in a folder; so it is with each day of UTC")
	flags.BoolVar(&s.sync, "sync", true, "confirm only what is on disk; --sync=false leaves that to the kernel (default true)")
	flags.IntVar(&s.dedup, "dedup", defaultDedup, "`number` of ids to remember: a record whose @metadata._id is among them, or a Forward chunk, is confirmed and not written again; 0 remembers none")
	flags.BoolVar(&s.quiet, "quiet", false, "no log line when a connection opens or ends")
	flags.BoolVar(&s.metrics, "metrics", false, "serve metrics for Prometheus at "+metricsPath)
	flags.BoolVar(&s.tail, "tail", false, "serve the live tail at "+tailPath+": a page that shows records as they arrive")
	flags.StringVar(&s.tlsCert, "tls-cert", "", "`file` with the server's certificate and the intermediate ones (PEM)")
	flags.StringVar(&s.tlsKey, "tls-key", "", "`file` with the certificate's private key (PEM)")
	flags.StringVar(&s.clientCA, "client-ca", "", "`file` with the authorities (PEM) of which every client has to have a certificate")
	flags.StringVar(&s.tokenFile, "token-file", "", "`file` with a token a line, of which clients have to send one as Authorization: Bearer TOKEN")
	flags.StringVar(&s.sharedKeyFile, "shared-key-file", "", "`file` with a shared key: every connection begins with the handshake of Fluent Forward then, in which the client proves that it knows the key")
	flags.BoolVar(&s.insecure, "insecure", false, "listen to more than loopback with neither --token-file nor --client-ca")
	s.maxMessageBytes = receiver.DefaultMaxMessageBytes
	flags.Var(&s.maxMessageBytes, "max-message-bytes", "longest message, a `size` such as 65536, 64KiB or 1MiB")
	flags.IntVar(&s.maxConnections, "max-connections", receiver.DefaultMaxConnections, "connections at once, a `number`")
	flags.BoolVar(&s.version, "version", false, "print the version and exit")
	return flags
}

func usage() string {
	var b bytes.Buffer
	b.WriteString("wsreceiver takes log records over WebSocket and writes them as NDJSON.\n\nFlags:\n")
	newFlagSet(&settings{}).VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  --%s %s\n    \t%s", f.Name, name, text)
		if name != "" && f.DefValue != "" {
			fmt.Fprintf(&b, " (default %s)", f.DefValue)
		}
		b.WriteString("\n")
	})
	return b.String()
}

// parseFlags returns flag.ErrHelp if help is wanted, or an error that names the
// flag at fault.
func parseFlags(args []string) (settings, error) {
	var s settings
	flags := newFlagSet(&s)
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: there are only flags", flags.Arg(0))
	}
	for _, check := range []struct {
		flag string
		err  error
	}{
		{"listen", checkListen(s.listen)},
		{"path", checkPath(s.path)},
		{"path", checkTailPath(s.tail, s.path)},
		{"format", checkName(s.format, decode.Formats())},
		{"ack", checkName(s.ack, receiver.AckModes())},
		{"out", checkOut(s.out)},
		{"rotate-bytes", checkRotateBytes(s.rotateBytes)},
		{"dedup", checkNotNegative(s.dedup)},
		{"tls-cert", checkPair("tls-key", s.tlsCert, s.tlsKey)},
		{"client-ca", checkNeeds("tls-cert", s.clientCA, s.tlsCert)},
		{"max-connections", checkPositive(s.maxConnections)},
		{"listen", checkInsecure(s)},
	} {
		if check.err != nil {
			return s, fmt.Errorf("flag --%s: %w", check.flag, check.err)
		}
	}
	return s, nil
}

func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if port == "" {
		return fmt.Errorf("%q has no port", address)
	}
	_, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", port)
	return err
}

func checkPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("%q does not begin with /", path)
	case path == healthPath, path == metricsPath:
		return fmt.Errorf("%s is taken", path)
	case strings.ContainsAny(path, "?#% \t\r\n"):
		return fmt.Errorf("%q is more than a path", path)
	}
	return nil
}

func checkName(name string, names []string) error {
	if !slices.Contains(names, name) {
		return fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
	}
	return nil
}

func checkOut(name string) error {
	if name == "" {
		return errors.New("no file name")
	}
	return nil
}

func checkPositive(n int) error {
	if n < 1 {
		return fmt.Errorf("%d is less than 1", n)
	}
	return nil
}

func checkNotNegative(n int) error {
	if n < 0 {
		return fmt.Errorf("%d is less than 0", n)
	}
	return nil
}

// checkRotateBytes keeps a slip of the pen from making a file of each message,
// all of them open until the next sync.
func checkRotateBytes(size byteSize) error {
	if size < minRotateBytes {
		return errors.New("less than 1MiB")
	}
	return nil
}

func checkPair(other, value, otherValue string) error {
	if (value == "") != (otherValue == "") {
		return fmt.Errorf("it and --%s go together", other)
	}
	return nil
}

func checkNeeds(other, value, otherValue string) error {
	if value != "" && otherValue == "" {
		return fmt.Errorf("needs --%s", other)
	}
	return nil
}

// byteSize is a flag.Value.
type byteSize int64

// units are matched without regard to case.
var units = map[string]float64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "kib": 1 << 10, "mib": 1 << 20}

// maxByteSize keeps a slip of the pen from taking all memory.
const maxByteSize = 1 << 30

// Set takes a number of bytes, or of one of units.
func (b *byteSize) Set(text string) error {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, ok := units[strings.ToLower(text[len(number):])]
	if !ok {
		return errors.New("the units are B, KB, MB, KiB and MiB")
	}
	value, err := strconv.ParseUint(strings.TrimSpace(number), 10, 63)
	if err != nil {
		return errors.New("not a number of bytes")
	}
	size := float64(value) * unit
	if size < 1 || size > maxByteSize || math.IsNaN(size) {
		return errors.New("not between 1 byte and 1024MiB")
	}
	*b = byteSize(size)
	return nil
}

// String gives the largest binary unit that fits.
func (b *byteSize) String() string {
	switch n := int64(*b); {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	default:
		return strconv.FormatInt(n, 10)
	}
}

var _ flag.Value = (*byteSize)(nil)
