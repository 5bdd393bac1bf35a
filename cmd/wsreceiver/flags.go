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
	"time"

	"filebeat-websocket/cmd/internal/cli"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/access"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/sink/file"
)

const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

const (
	defaultDedup   = 1_000_000
	minRotateBytes = 1 << 20
)

// settings are the values of the flags.
type settings struct {
	listen          string
	path            string
	format          string
	ack             string
	out             string
	rotateBytes     byteSize
	sync            bool
	dedup           int
	dedupWindow     time.Duration
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
	maxPostBytes    byteSize // 0 unless set: postBytesFor
	maxMemory       byteSize // 0 unless set: memoryFor
	maxConnections  int
	perAddress      int // 0 unless set: access.ListenerOptions
	// maxConnectionAge is 0 for no limit, and shutdownDelay for none.
	maxConnectionAge time.Duration
	shutdownDelay    time.Duration
	allowOrigin      string
	forwardListen    string
	forwardMaxBytes  byteSize // 0 unless set: forwardBytesFor
	userFile         string
	version          bool

	// Of an engine.
	credentialsFile        string
	outCA, outCert, outKey string
}

func newFlagSet(s *settings) *flag.FlagSet {
	flags := flag.NewFlagSet("wsreceiver", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error, once
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free port")
	flags.StringVar(&s.path, "path", "/ingest", "URL `path` that accepts records")
	flags.StringVar(&s.format, "format", "auto", "format of the messages: `name` is one of "+strings.Join(decode.Formats(), ", "))
	flags.StringVar(&s.ack, "ack", "auto", "`mode` of acknowledgements. auto: acknowledge messages of clients that offer filebeat.ack.v1, and Fluent Forward requests with a chunk. none: never send acknowledgements")
	flags.StringVar(&s.out, "out", "-", "`file` to append records to, as NDJSON, or a folder for rotated files; - is standard output. An existing folder, or a name that ends with a slash, is a folder. nats://HOST/SUBJECT is a subject of NATS JetStream, kafka://BROKER/TOPIC a topic of Kafka")
	flags.StringVar(&s.credentialsFile, "out-credentials-file", "", "`file` with the credentials for the engine: for NATS a .creds file, the seed of an nkey, user:password or a token, for Kafka user:password")
	flags.StringVar(&s.outCA, "out-ca", "", "`file` with certificate authorities (PEM) of the engine; those of the system unless set")
	flags.StringVar(&s.outCert, "out-cert", "", "`file` with the client certificate for the engine, followed by intermediate certificates (PEM)")
	flags.StringVar(&s.outKey, "out-key", "", "`file` with the private key of the client certificate (PEM)")
	s.rotateBytes = file.DefaultRotateBytes
	flags.Var(&s.rotateBytes, "rotate-bytes", "maximum `size` of a file in a folder; a new file also begins with each day in UTC")
	flags.BoolVar(&s.sync, "sync", true, "confirm only what is on disk; with --sync=false, confirm what the kernel has (default true)")
	flags.IntVar(&s.dedup, "dedup", defaultDedup, "`number` of records and Fluent Forward requests with an id to remember: what the same sender sends again is confirmed but not written again; 0 turns deduplication off")
	flags.DurationVar(&s.dedupWindow, "dedup-window", 0, "`time` after which an id is forgotten, such as 24h; 0 keeps ids until there are more than --dedup")
	flags.BoolVar(&s.quiet, "quiet", false, "do not log that a connection opens or ends")
	flags.BoolVar(&s.metrics, "metrics", false, "serve Prometheus metrics at "+metricsPath)
	flags.BoolVar(&s.tail, "tail", false, "serve the live tail at "+tailPath+": a page that shows records as they arrive")
	flags.StringVar(&s.tlsCert, "tls-cert", "", "`file` with the server's certificate, followed by intermediate certificates (PEM)")
	flags.StringVar(&s.tlsKey, "tls-key", "", "`file` with the private key of the certificate (PEM)")
	flags.StringVar(&s.clientCA, "client-ca", "", "`file` with certificate authorities (PEM): every client needs a certificate from one of them")
	flags.StringVar(&s.tokenFile, "token-file", "", "`file` with one token per line: every client has to send one of them as Authorization: Bearer TOKEN")
	flags.StringVar(&s.sharedKeyFile, "shared-key-file", "", "`file` with a shared key: every connection has to begin with the Fluent Forward handshake, in which the client proves that it knows the key")
	flags.BoolVar(&s.insecure, "insecure", false, "listen beyond loopback without --token-file or --client-ca")
	s.maxMessageBytes = receiver.DefaultMaxMessageBytes
	flags.Var(&s.maxMessageBytes, "max-message-bytes", "maximum `size` of a message, such as 65536, 64KiB or 1MiB")
	flags.Var(&s.maxPostBytes, "max-post-bytes", "maximum `size` of the body of a POST, also once inflated; 16MiB unless set, or a sixteenth of --max-memory if that is less")
	flags.Var(&s.maxMemory, "max-memory", "maximum `size` of all messages together while they arrive, are decoded and wait to be synced; a quarter of the control group's memory unless set, or 512MiB without a limit there")
	flags.IntVar(&s.maxConnections, "max-connections", receiver.DefaultMaxConnections, "maximum `number` of connections")
	flags.IntVar(&s.perAddress, "max-connections-per-address", 0, "maximum `number` of connections from one IPv4 address or IPv6 /64 network; half of all unless set, and all from loopback, where a proxy may be")
	flags.DurationVar(&s.maxConnectionAge, "max-connection-age", 0, "maximum `age` of a connection, such as 10m: at a random time between half of it and all of it, what was read is confirmed and the connection is closed, so that clients spread over receivers that were added behind a balancer; 0 is no limit")
	flags.DurationVar(&s.shutdownDelay, "shutdown-delay", 0, "`time` between SIGTERM and the shutdown: /readyz answers 503, so that balancers send no new connections, and the present ones are closed at random times in its second half")
	flags.StringVar(&s.allowOrigin, "allow-origin", "", "`origins` of other sites whose pages may send requests, such as https://logs.example.com, with commas between them; their host names are served without tokens too")
	flags.StringVar(&s.forwardListen, "forward-listen", "", "`host:port` to take Fluent Forward on, over TCP, as Fluentd and Fluent Bit send it, usually port 24224; heartbeats over UDP on the same port are answered")
	flags.Var(&s.forwardMaxBytes, "forward-max-bytes", "maximum `size` of a request on --forward-listen, and of its entries once inflated; 16MiB unless set, or a sixteenth of --max-memory if that is less")
	flags.StringVar(&s.userFile, "user-file", "", "`file` with one user:password per line: the Fluent Forward handshake requires one of them beside the shared key")
	flags.BoolVar(&s.version, "version", false, "print the version and exit")
	return flags
}

func usage() string {
	var b bytes.Buffer
	b.WriteString("wsreceiver accepts log records over WebSocket and HTTP POST and writes them as NDJSON.\n")
	b.WriteString("wsreceiver verify compares log files with what has landed: wsreceiver verify --help.\n\nFlags:\n")
	cli.WriteFlags(&b, newFlagSet(&settings{}))
	return b.String()
}

// parseFlags returns flag.ErrHelp if help was asked for, or an error that names the
// wrong flag.
func parseFlags(args []string) (settings, error) {
	var s settings
	flags := newFlagSet(&s)
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: only flags are accepted", flags.Arg(0))
	}
	if err := checkFiles(flags); err != nil {
		return s, err
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
		{"out", checkOut(s)},
		{"out-credentials-file", checkOfEngine(s, s.credentialsFile)},
		{"out-ca", checkEngineTLS(s, s.outCA)},
		{"out-cert", cli.CheckPair("out-key", s.outCert, s.outKey)},
		{"out-cert", checkEngineTLS(s, s.outCert)},
		{"rotate-bytes", checkRotateBytes(s.rotateBytes)},
		{"dedup", checkNotNegative(s.dedup)},
		{"dedup-window", checkNotNegative(s.dedupWindow)},
		{"tls-cert", cli.CheckPair("tls-key", s.tlsCert, s.tlsKey)},
		{"client-ca", cli.CheckNeeds("tls-cert", s.clientCA, s.tlsCert)},
		{"max-message-bytes", checkMessageBytes(s.maxMessageBytes)},
		{"max-post-bytes", checkMessageBytes(s.maxPostBytes)},
		{"max-memory", checkMemory(s)},
		{"max-connections", checkPositive(s.maxConnections)},
		{"max-connections-per-address", checkNotNegative(s.perAddress)},
		{"max-connection-age", checkAge(s.maxConnectionAge)},
		{"shutdown-delay", checkDelay(s.shutdownDelay)},
		{"allow-origin", checkOrigins(s)},
		{"listen", checkInsecure(s)},
		{"forward-listen", checkForwardListen(s.forwardListen)},
		{"forward-listen", checkForwardInsecure(s)},
		{"forward-max-bytes", checkMessageBytes(s.forwardMaxBytes)},
		{"user-file", cli.CheckNeeds("shared-key-file", s.userFile, s.sharedKeyFile)},
	} {
		if check.err != nil {
			return s, fmt.Errorf("flag --%s: %w", check.flag, check.err)
		}
	}
	return s, nil
}

// checkFiles returns an error for a flag whose file is the empty text, as from a variable
// that is not set: without it, nobody would need a token.
func checkFiles(flags *flag.FlagSet) (err error) {
	flags.Visit(func(f *flag.Flag) {
		if kind, _ := flag.UnquoteUsage(f); kind == "file" && f.Value.String() == "" {
			err = fmt.Errorf("flag --%s: no file name", f.Name)
		}
	})
	return err
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
	case path == healthPath, path == readyPath, path == metricsPath:
		return fmt.Errorf("%s is reserved", path)
	case strings.ContainsAny(path, "?#% \t\r\n"):
		return fmt.Errorf("%q contains more than a path", path)
	}
	return nil
}

func checkName(name string, names []string) error {
	if !slices.Contains(names, name) {
		return fmt.Errorf("%q is not one of %s", name, strings.Join(names, ", "))
	}
	return nil
}

func checkOut(s settings) error {
	if s.isEngine() {
		return checkEngine(s)
	}
	return nil
}

func checkOrigins(s settings) error {
	_, err := access.NewGuard(access.GuardOptions{Origins: s.origins()})
	return err
}

func (s settings) origins() []string {
	return strings.FieldsFunc(s.allowOrigin, func(r rune) bool { return r == ',' || r == ' ' })
}

func checkPositive(n int) error {
	if n < 1 {
		return fmt.Errorf("%d is less than 1", n)
	}
	return nil
}

// checkMessageBytes guards against a typo that would use all memory.
func checkMessageBytes(size byteSize) error {
	if size > 1<<30 {
		return errors.New("more than 1GiB")
	}
	return nil
}

// memoryFactor times the longest message is the minimum of --max-memory: see
// receiver.Intake.CheckMessageBytes.
const memoryFactor = 16

// longest is the flag that allows the longest messages.
func (s settings) longest() (flag string, size byteSize) {
	if s.forwardListen != "" && s.forwardMaxBytes > s.maxMessageBytes {
		return "forward-max-bytes", s.forwardMaxBytes
	}
	return "max-message-bytes", s.maxMessageBytes
}

func checkMemory(s settings) error {
	flag, longest := s.longest()
	if minimum := memoryFactor * longest; s.maxMemory != 0 && s.maxMemory < minimum {
		return fmt.Errorf("%s is less than 16 times --%s, %s", &s.maxMemory, flag, &minimum)
	}
	if minimum := memoryFactor * s.maxPostBytes; s.maxMemory != 0 && s.maxMemory < minimum {
		return fmt.Errorf("%s is less than 16 times --max-post-bytes, %s", &s.maxMemory, &minimum)
	}
	return nil
}

// memoryFor returns how much memory messages may take: what is set, or a quarter of
// the control group's limit, which is 0 if there is none, and enough for the longest
// message.
func memoryFor(s settings, limit int64) int64 {
	switch {
	case s.maxMemory != 0:
		return int64(s.maxMemory)
	case limit == 0:
		limit = 4 * receiver.DefaultMaxMemory
	}
	_, longest := s.longest()
	if s.forwardListen != "" && s.forwardMaxBytes == 0 {
		longest = max(longest, usualForwardBytes)
	}
	return max(limit/4, memoryFactor*int64(max(longest, s.maxPostBytes)))
}

func checkNotNegative[number int | time.Duration](n number) error {
	if n < 0 {
		return fmt.Errorf("%v is less than 0", n)
	}
	return nil
}

// checkRotateBytes guards against a typo that would make a file of each message,
// all of them open until the next sync.
func checkRotateBytes(size byteSize) error {
	if size < minRotateBytes {
		return errors.New("less than 1MiB")
	}
	return nil
}

// byteSize is a flag.Value.
type byteSize int64

// units are matched case-insensitively.
var units = map[string]float64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}

// maxByteSize is more than any machine has, and little enough to multiply.
const maxByteSize = 1 << 50

// Set accepts a number of bytes, or a number and a unit.
func (b *byteSize) Set(text string) error {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, ok := units[strings.ToLower(text[len(number):])]
	if !ok {
		return errors.New("the units are B, KB, MB, GB, KiB, MiB and GiB")
	}
	value, err := strconv.ParseUint(strings.TrimSpace(number), 10, 63)
	if err != nil {
		return errors.New("not a number of bytes")
	}
	size := float64(value) * unit
	if size < 1 || size > maxByteSize || math.IsNaN(size) {
		return errors.New("not between 1 byte and 1048576GiB")
	}
	*b = byteSize(size)
	return nil
}

// String uses the largest binary unit that divides the size.
func (b *byteSize) String() string {
	switch n := int64(*b); {
	case n == 0:
		return "" // not set
	case n >= 1<<30 && n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + "GiB"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	default:
		return strconv.FormatInt(n, 10)
	}
}

var _ flag.Value = (*byteSize)(nil)
