// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsjetstream "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func readStored(t *testing.T, o Options) (first uint64, lines []string) {
	t.Helper()
	stored, err := OpenStored(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, stored.Close()) }()
	reader, err := stored.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	return stored.First, strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

func TestTheLinesOfAStreamAreNumberedByItsSequence(t *testing.T) {
	s := startServer(t, nil)
	api := apiOf(t, s)
	stream, err := api.CreateStream(t.Context(), natsjetstream.StreamConfig{Name: "records", Subjects: []string{"logs.*", "other"}})
	require.NoError(t, err)
	o, err := Parse("nats://" + s.Addr().String() + "/logs.{agent.name}?create=true")
	require.NoError(t, err)

	stored, err := OpenStored(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, "records", stored.Stream)
	require.NoError(t, stored.Close())
	_, lines := readStored(t, o)
	require.Equal(t, []string{""}, lines, "an empty stream")

	publish := func(subject, record string) {
		_, err := api.Publish(t.Context(), subject, []byte(record))
		require.NoError(t, err)
	}
	publish("other", "x")
	publish("logs.web-1", `{"n":2}`)
	publish("logs.web-2", "{\n\"n\":\r\n3}")
	publish("other", "x")
	publish("logs.web-1", `{"n":5}`)
	publish("logs.web-1", `{"n":6}`)
	publish("other", "x")
	require.NoError(t, stream.DeleteMsg(t.Context(), 5))
	first, lines := readStored(t, o)
	require.EqualValues(t, 2, first)
	require.Equal(t, []string{`{"n":2}`, "{ \"n\":\r 3}", "", "", `{"n":6}`}, lines)

	o.Subject = "none"
	_, err = OpenStored(t.Context(), o)
	require.EqualError(t, err, "no stream takes subject none", "none is made")
	_, err = api.CreateStream(t.Context(), natsjetstream.StreamConfig{Name: "more", Subjects: []string{"more.a"}})
	require.NoError(t, err)
	_, err = api.CreateStream(t.Context(), natsjetstream.StreamConfig{Name: "yet", Subjects: []string{"more.b"}})
	require.NoError(t, err)
	o.Subject = "more.{agent.name}"
	_, err = OpenStored(t.Context(), o)
	require.ErrorContains(t, err, "several streams take subject more.* (")
	o.Subject = "other"
	first, lines = readStored(t, o)
	require.EqualValues(t, 1, first)
	require.Equal(t, []string{"x", "", "", "x", "", "", "x"}, lines)
}

func TestWhatIsStoredLaterIsNotRead(t *testing.T) {
	s := startServer(t, nil)
	o, err := Parse("nats://" + s.Addr().String() + "/logs?create=true")
	require.NoError(t, err)
	sink := openSink(t, o)
	const before = 3000
	var records []string
	for i := range before {
		records = append(records, withID(i))
	}
	store(t, sink, records...)
	stored, err := OpenStored(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, stored.Close()) }()
	store(t, sink, withID(before))
	content, err := io.ReadAll(stored)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	require.Equal(t, records, lines)
}

func TestReadingAStreamFailsWithItsServerAndWithItsContext(t *testing.T) {
	s := startServer(t, nil)
	o, err := Parse("nats://" + s.Addr().String() + "/logs?create=true")
	require.NoError(t, err)
	sink := openSink(t, o)
	var records []string
	for i := range 2000 { // more than is read ahead
		records = append(records, withID(i))
	}
	store(t, sink, records...)
	o.readTimeout = time.Second
	ended, err := OpenStored(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, ended.Close()) }()
	stored, err := OpenStored(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, stored.Close()) }()

	ctx, cancel := context.WithCancel(t.Context())
	reader, err := ended.Open(ctx)
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(reader)
	require.Error(t, err)
	require.NoError(t, reader.Close())

	s.Shutdown()
	s.WaitForShutdown()
	_, err = io.ReadAll(stored)
	require.ErrorContains(t, err, "read stream logs: ")
}

func TestAStreamIsReadWithCredentials(t *testing.T) {
	s := startServer(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "writer", Password: "x"},
			{Username: "reader", Password: "pa:ss", Permissions: &server.Permissions{ // those of docs/verify.md
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
				Publish: &server.SubjectPermission{Allow: []string{
					"$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.MSG.NEXT.>", "$JS.API.CONSUMER.DELETE.>",
				}},
			}},
		}
	})
	o, err := Parse("nats://" + s.Addr().String() + "/logs?create=true")
	require.NoError(t, err)
	_, err = OpenStored(t.Context(), o)
	require.ErrorContains(t, err, "Authorization Violation")
	require.NotContains(t, fmt.Sprint(err), "pa:ss")
	o.CredentialsFile = filepath.Join(t.TempDir(), "credentials")
	require.NoError(t, os.WriteFile(o.CredentialsFile, []byte("writer:x\n"), 0o600))
	store(t, openSink(t, o), withID(1))
	require.NoError(t, os.WriteFile(o.CredentialsFile, []byte("reader:pa:ss\n"), 0o600))
	_, lines := readStored(t, o)
	require.Equal(t, []string{withID(1)}, lines)
}
