// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"filebeat-websocket/testing/beattest"
)

// goalOfEngine is the goal for records/s of wsreceiver, as a ratio to a plain client.
const goalOfEngine = 0.7

// window is how many records the plain clients have on their way: as many as wsreceiver.
const window = 4096

// The connections have more messages under way than fit into the window, as the plain client
// always has a next record: the engine decides, not the way there and back.
const (
	engineConnections = 16
	engineRecords     = 400 // of a message
	kafkaPartitions   = 4
)

// engineCase is an engine and what it does before it confirms.
type engineCase struct {
	name string
	kind string // of serveEngine
	ids  bool
}

var engineCases = []engineCase{
	{name: "JetStream, acknowledged before fsync", kind: "nats"},
	{name: "JetStream, acknowledged before fsync, records with ids", kind: "nats", ids: true},
	{name: "JetStream, `sync_interval: always`", kind: "nats-always"},
	{name: "Kafka (kfake, in memory)", kind: "kafka"},
	{name: "Kafka (kfake, in memory), records with ids", kind: "kafka", ids: true},
}

// child runs one of the processes that a measurement consists of, if the arguments say so.
func child(ctx context.Context, args []string) (is bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	switch args[0] {
	case "serve-engine":
		return true, serveEngine(ctx, args[1], args[2])
	case "plain-client":
		length, err := time.ParseDuration(args[3])
		if err != nil {
			return true, err
		}
		return true, plainClient(ctx, args[1], args[2] == "true", length)
	}
	return false, nil
}

// serveEngine serves until it is terminated. It prints its address.
func serveEngine(ctx context.Context, kind, folder string) error {
	if kind == "kafka" {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(kafkaPartitions, "logs"))
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Printf("engine at kafka://%s/logs\n", c.ListenAddrs()[0])
		<-ctx.Done()
		return nil
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: folder, SyncAlways: kind == "nats-always", NoSigs: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("nats-server does not start")
	}
	fmt.Printf("engine at %s/logs?create=true\n", s.ClientURL())
	<-ctx.Done()
	return nil
}

var (
	engineAt  = regexp.MustCompile(`engine at (\S+)`)
	confirmed = regexp.MustCompile(`confirmed (\d+) records in (\S+)`)
)

// plainClient publishes with the library alone, and prints how many records were confirmed.
func plainClient(ctx context.Context, url string, withIDs bool, length time.Duration) error {
	record := []byte(`{"@timestamp":"2021-02-05T22:17:09.123Z","log":{"offset":1},"message":"` + strings.Repeat("GET /articles/1 HTTP/1.1 ", 10))
	record = append(record[:198], `"}`...)
	publish, flush, err := plainPublisher(ctx, url)
	if err != nil {
		return err
	}
	begun := time.Now()
	count := 0
	for ; time.Since(begun) < length; count++ {
		id := ""
		if withIDs {
			id = fmt.Sprintf("%032x", count)
		}
		if err := publish(id, record); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	fmt.Printf("confirmed %d records in %v\n", count, time.Since(begun))
	return nil
}

func plainPublisher(ctx context.Context, url string) (publish func(id string, record []byte) error, flush func() error, err error) {
	scheme, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default:
		}
	}
	check := func() error {
		select {
		case err := <-failed:
			return err
		default:
			return nil
		}
	}
	if scheme == "kafka" {
		client, err := kgo.NewClient(kgo.SeedBrokers(host), kgo.MaxBufferedRecords(window), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			return nil, nil, err
		}
		// The receiver keeps the records of a connection in one partition, and those of an
		// agent: all that have ids are of one.
		count := 0
		publish = func(id string, record []byte) error {
			r := &kgo.Record{Topic: "logs", Value: slices.Clone(record)}
			if id == "" {
				r.Partition = int32(count / engineRecords % kafkaPartitions)
				count++
			} else {
				r.Key = []byte(id)
				r.Headers = []kgo.RecordHeader{{Key: "wsreceiver-id", Value: r.Key}}
			}
			client.Produce(ctx, r, func(_ *kgo.Record, err error) {
				if err != nil {
					fail(err)
				}
			})
			return check()
		}
		return publish, func() error { return errors.Join(client.Flush(ctx), check()) }, nil
	}
	connection, err := nats.Connect("nats://" + host)
	if err != nil {
		return nil, nil, err
	}
	api, err := jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(window),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { fail(err) }))
	if err != nil {
		return nil, nil, err
	}
	if _, err := api.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "logs", Subjects: []string{"logs"}}); err != nil {
		return nil, nil, err
	}
	publish = func(id string, record []byte) error {
		message := nats.NewMsg("logs")
		message.Data = record
		if id != "" {
			message.Header.Set(nats.MsgIdHdr, id)
		}
		if _, err := api.PublishMsgAsync(message, jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
		return check()
	}
	return publish, func() error {
		<-api.PublishAsyncComplete()
		return check()
	}, nil
}

// measureEngines compares wsreceiver before each engine with a plain client of the same
// engine, in turns.
func measureEngines(ctx context.Context, s settings, expression *regexp.Regexp) error {
	fmt.Print("| engine | plain client, records/s | CPU s per million | wsreceiver, records/s | CPU s per million | engine, CPU s per million | ratio of records/s |\n|---|---|---|---|---|---|---|\n")
	for _, c := range engineCases {
		if !expression.MatchString(c.name) {
			continue
		}
		var plain, ours []measurement
		var ratios []float64
		for round := range s.rounds {
			p, err := runEngine(ctx, s, c, true)
			if err != nil {
				return fmt.Errorf("plain client of %s: %w", c.name, err)
			}
			o, err := runEngine(ctx, s, c, false)
			if err != nil {
				return fmt.Errorf("wsreceiver before %s: %w", c.name, err)
			}
			plain, ours, ratios = append(plain, p), append(ours, o), append(ratios, o.recordsPerSecond/p.recordsPerSecond)
			fmt.Fprintf(os.Stderr, "round %d %s: plain %.0f, %.2f CPU s; wsreceiver %.0f, %.2f CPU s; engine %.2f\n", round+1, c.name, p.recordsPerSecond, p.cpuPerMillion, o.recordsPerSecond, o.cpuPerMillion, o.engineCPU)
		}
		slices.Sort(ratios)
		fmt.Printf("| %s | %.0f | %.2f | %.0f | %.2f | %.2f | %.2f (%.2f...%.2f) |\n", c.name,
			median(plain, perSecond), median(plain, cpuOf), median(ours, perSecond), median(ours, cpuOf), median(ours, engineOf),
			(ratios[(len(ratios)-1)/2]+ratios[len(ratios)/2])/2, ratios[0], ratios[len(ratios)-1])
	}
	fmt.Printf("\nGoal: a ratio of at least %.1f.\n", goalOfEngine)
	return nil
}

func perSecond(m measurement) float64 { return m.recordsPerSecond }
func cpuOf(m measurement) float64     { return m.cpuPerMillion }
func engineOf(m measurement) float64  { return m.engineCPU }

// runEngine measures a fresh engine and a fresh client of it.
func runEngine(ctx context.Context, s settings, c engineCase, isPlain bool) (m measurement, err error) {
	folder, err := os.MkdirTemp(s.folder, "replay-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	self, err := os.Executable()
	if err != nil {
		return m, err
	}
	engine, err := beattest.OpenProcess(exec.CommandContext(ctx, self, "serve-engine", c.kind, folder))
	if err != nil {
		return m, err
	}
	defer engine.Kill()
	found, err := engine.Await(engineAt, 20*time.Second)
	if err != nil {
		return m, engine.Failure(err)
	}
	records := 0
	if isPlain {
		records, err = runPlain(ctx, self, found[1], s, c, &m)
	} else {
		records, err = runReceiver(ctx, found[1], s, c, &m)
	}
	if err != nil {
		return m, err
	}
	engine.Terminate()
	engine.Wait(20 * time.Second)
	cpu, _ := engine.Usage()
	m.engineCPU = cpu.Seconds() / (float64(records) / 1e6)
	return m, nil
}

func runPlain(ctx context.Context, self, url string, s settings, c engineCase, m *measurement) (records int, err error) {
	client, err := beattest.OpenProcess(exec.CommandContext(ctx, self, "plain-client", url, strconv.FormatBool(c.ids), s.length.String()))
	if err != nil {
		return 0, err
	}
	defer client.Kill()
	said, err := client.Await(confirmed, s.length+30*time.Second)
	if err != nil {
		return 0, client.Failure(err)
	}
	client.Wait(10 * time.Second)
	records, err = strconv.Atoi(said[1])
	if err != nil {
		return 0, err
	}
	took, err := time.ParseDuration(said[2])
	if err != nil {
		return 0, err
	}
	cpu, _ := client.Usage()
	m.recordsPerSecond, m.cpuPerMillion = float64(records)/took.Seconds(), cpu.Seconds()/(float64(records)/1e6)
	return records, nil
}

func runReceiver(ctx context.Context, url string, s settings, c engineCase, m *measurement) (records int, err error) {
	command := exec.CommandContext(ctx, s.receiver, "--listen", "127.0.0.1:0", "--quiet", "--out", url)
	command.Env = append(os.Environ(), "GOGC="+s.gogc, "GOMAXPROCS="+s.processors)
	receiver, address, err := beattest.OpenReceiver(command)
	if err != nil {
		return 0, err
	}
	records, err = load(ctx, s, testCase{connections: engineConnections, records: engineRecords, recordBytes: 200, ids: c.ids}, address, m)
	if err != nil {
		receiver.Kill()
		return 0, receiver.Failure(err)
	}
	if err := receiver.Close(); err != nil {
		return 0, err
	}
	cpu, _ := receiver.Usage()
	m.cpuPerMillion = cpu.Seconds() / (float64(records) / 1e6)
	return records, nil
}

// engineFlags are of measureEngines.
func engineFlags(s *settings) {
	flag.BoolVar(&s.engines, "engines", false, "measure engines instead of files")
	flag.StringVar(&s.processors, "processors", "2", "GOMAXPROCS of the receiver before an engine, as a `number`")
}
