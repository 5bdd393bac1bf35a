// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

const (
	dialTimeout   = 5 * time.Second
	reconnectWait = 500 * time.Millisecond
	// pingInterval and unansweredPings find a connection that has died without a word.
	pingInterval    = 5 * time.Second
	unansweredPings = 2
	// writeTimeout ends a connection to a server that reads nothing.
	writeTimeout = 5 * time.Second
	// closeTimeout is how long Close tries to send what is left.
	closeTimeout = time.Second

	maxCredentialsBytes = 64 << 10
)

// connect tries until ctx ends, unless trying again is of no use.
func (s *Sink) connect(ctx context.Context, o Options) error {
	options := []nats.Option{
		nats.Name("wsreceiver"),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1), // while there is no connection, records are refused
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(unansweredPings),
		nats.FlusherTimeout(writeTimeout),
		nats.DisconnectErrHandler(s.disconnected),
		nats.ReconnectHandler(s.reconnected),
		nats.ErrorHandler(s.asyncError),
		nats.NoCallbacksAfterClientClose(),
	}
	if o.TLS != nil {
		options = append(options, nats.Secure(o.TLS))
	}
	if o.CredentialsFile != "" {
		credentials, err := credentialsOf(o.CredentialsFile)
		if err != nil {
			return err
		}
		options = append(options, credentials)
	}
	for {
		connection, err := nats.Connect(strings.Join(o.Servers, ","), options...)
		if err == nil {
			s.connection = connection
			return nil
		}
		if isFinal(err) || !sleep(ctx, reconnectWait) {
			return fmt.Errorf("connect to NATS: %w", err)
		}
	}
}

// isFinal reports whether a server has answered that it will not have the client.
func isFinal(err error) bool {
	for _, final := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrSecureConnRequired, nats.ErrSecureConnWanted} {
		if errors.Is(err, final) {
			return true
		}
	}
	text := err.Error()
	return strings.Contains(text, "x509:") || strings.Contains(text, "tls:") || strings.Contains(text, "Authorization Violation")
}

// sleep reports whether ctx has not ended meanwhile.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

// credentialsOf tells by the content of a file what kind of credentials it has. The file is
// read again each time that they are needed.
func credentialsOf(name string) (nats.Option, error) {
	text, err := readCredentials(name)
	if err != nil {
		return nil, err
	}
	_, _, isUser := strings.Cut(text, ":")
	switch {
	case strings.Contains(text, "BEGIN NATS USER JWT"):
		if _, err := nkeys.ParseDecoratedJWT([]byte(text)); err != nil {
			return nil, errors.New("the credentials file has no valid user JWT")
		}
		if _, err := nkeys.ParseDecoratedNKey([]byte(text)); err != nil {
			return nil, errors.New("the credentials file has no valid seed beside the user JWT")
		}
		return nats.UserCredentials(name), nil
	case strings.Contains(text, "\n"):
		return nil, errors.New("the credentials file has more than one line, and is not a .creds file")
	case isUser:
		return nats.UserInfoHandler(func() (user, password string) {
			text, _ := readCredentials(name) // the server refuses what cannot be read
			user, password, _ = strings.Cut(text, ":")
			return user, password
		}), nil
	case strings.HasPrefix(text, "SU"):
		if _, err := nkeys.FromSeed([]byte(text)); err == nil {
			return nats.NkeyOptionFromSeed(name)
		}
	}
	return nats.TokenHandler(func() string {
		text, _ := readCredentials(name)
		return text
	}), nil
}

func readCredentials(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("read credentials: %w", err)
	}
	if info.Size() > maxCredentialsBytes {
		return "", errors.New("the credentials file is longer than 64 KiB")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read credentials: %w", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return "", errors.New("the credentials file is empty")
	}
	return string(text), nil
}

// openStream finds the stream that takes the subject, or makes it.
func (s *Sink) openStream(ctx context.Context, o Options) error {
	api, err := natsjetstream.New(s.connection)
	if err != nil {
		return err
	}
	filter := filterOf(s.subject)
	for {
		err := s.findStream(ctx, api, o, filter)
		if _, isMissing := errors.AsType[*missingError](err); err == nil || isMissing || errors.Is(err, errUnfit) {
			return err
		}
		// A cluster that starts has no leader yet.
		if !sleep(ctx, reconnectWait) {
			return fmt.Errorf("look for the stream of subject %s: %w", filter, err)
		}
	}
}

// errUnfit is for a stream that could not keep records.
var errUnfit = errors.New("has no_ack set, so it never confirms a record")

func (s *Sink) findStream(ctx context.Context, api natsjetstream.JetStream, o Options, filter string) error {
	call, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	name, err := api.StreamNameBySubject(call, filter)
	if errors.Is(err, natsjetstream.ErrStreamNotFound) {
		if !o.Create {
			return &missingError{filter}
		}
		name = nameOf(filter)
		_, err = api.CreateStream(call, natsjetstream.StreamConfig{
			Name: name, Subjects: []string{filter}, Storage: natsjetstream.FileStorage, Replicas: max(o.Replicas, 1),
		})
	}
	if err != nil {
		return err
	}
	stream, err := api.Stream(call, name)
	if err != nil {
		return err
	}
	if stream.CachedInfo().Config.NoAck {
		return fmt.Errorf("stream %s %w", name, errUnfit)
	}
	s.stream = name
	return nil
}

// missingError says how to make the stream.
type missingError struct{ filter string }

func (e *missingError) Error() string {
	return fmt.Sprintf("no stream takes subject %s: make one with "+
		"`nats stream add %s --subjects '%s' --storage file --replicas 3 --defaults`, or add ?create=true", e.filter, nameOf(e.filter), e.filter)
}
