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
func (s *Sink) connect(ctx context.Context, o Options) (err error) {
	s.connection, err = dial(ctx, o,
		nats.ReconnectBufSize(-1), // while there is no connection, records are refused
		nats.DisconnectErrHandler(s.disconnected),
		nats.ReconnectHandler(s.reconnected),
		nats.ErrorHandler(s.asyncError),
	)
	return err
}

// dial connects. It tries until ctx ends, unless trying again is of no use.
func dial(ctx context.Context, o Options, more ...nats.Option) (*nats.Conn, error) {
	options := append([]nats.Option{
		nats.Name("wsreceiver"),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(unansweredPings),
		nats.FlusherTimeout(writeTimeout),
		nats.NoCallbacksAfterClientClose(),
	}, more...)
	if o.TLS != nil {
		options = append(options, nats.Secure(o.TLS))
	}
	if o.CredentialsFile != "" {
		credentials, err := credentialsOf(o.CredentialsFile)
		if err != nil {
			return nil, &CredentialsError{Err: err}
		}
		options = append(options, credentials)
	}
	for {
		connection, err := nats.Connect(strings.Join(o.Servers, ","), options...)
		if err == nil {
			return connection, nil
		}
		if isRefused(err) {
			return nil, &CredentialsError{Err: fmt.Errorf("connect to NATS: %w", err)}
		}
		if isFinal(err) || !sleep(ctx, reconnectWait) {
			return nil, fmt.Errorf("connect to NATS: %w", err)
		}
	}
}

// isRefused reports whether a server has answered that it does not accept the credentials.
func isRefused(err error) bool {
	for _, refused := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrNkeysNotSupported} {
		if errors.Is(err, refused) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(err.Error()), "authorization violation")
}

// isFinal reports whether trying again is of no use.
func isFinal(err error) bool {
	if errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "x509:") || strings.Contains(text, "tls:")
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

// openStreams finds the streams that take the subject, or makes one. There can be several if
// the subject has fields.
func (s *Sink) openStreams(ctx context.Context, o Options) error {
	api, err := natsjetstream.New(s.connection)
	if err != nil {
		return err
	}
	filter := filterOf(s.subject)
	for {
		err := s.findStreams(ctx, api, o, filter)
		if _, isMissing := errors.AsType[*missingError](err); err == nil || isMissing || errors.Is(err, errUnfit) || errors.Is(err, errAlone) {
			return err
		}
		// A cluster that starts has no leader yet.
		if !sleep(ctx, reconnectWait) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			if errors.Is(s.said, nats.ErrPermissionViolation) { // the request had no answer
				return &CredentialsError{Err: fmt.Errorf("look for the stream of subject %s: %w", filter, s.said)}
			}
			return fmt.Errorf("look for the stream of subject %s: %w", filter, err)
		}
	}
}

var (
	// errUnfit is for a stream that could not keep records.
	errUnfit = errors.New("has no_ack set, so it never confirms a record")
	// errAlone is for copies that have no server to be on.
	errAlone = errors.New("the server is not in a cluster: use replicas=1")
)

// codeNoCluster is what a server that is not in a cluster answers to more than one replica.
const codeNoCluster natsjetstream.ErrorCode = 10074

func (s *Sink) findStreams(ctx context.Context, api natsjetstream.JetStream, o Options, filter string) error {
	call, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	list := api.StreamNames(call, natsjetstream.WithStreamListSubject(filter))
	var names []string
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		return err
	}
	if len(names) == 0 {
		if !o.Create {
			return &missingError{filter}
		}
		names = []string{nameOf(filter)}
		if _, err := api.CreateStream(call, natsjetstream.StreamConfig{
			Name: names[0], Subjects: []string{filter}, Storage: natsjetstream.FileStorage, Replicas: max(o.Replicas, 1),
		}); err != nil {
			if answer, ok := errors.AsType[*natsjetstream.APIError](err); ok && answer.ErrorCode == codeNoCluster {
				return fmt.Errorf("make stream %s with %d replicas: %w", names[0], o.Replicas, errAlone)
			}
			return err
		}
	}
	for _, name := range names {
		stream, err := api.Stream(call, name)
		if err != nil {
			return err
		}
		if stream.CachedInfo().Config.NoAck {
			return fmt.Errorf("stream %s %w", name, errUnfit)
		}
	}
	s.streams = names
	return nil
}

// missingError says how to make the stream.
type missingError struct{ filter string }

func (e *missingError) Error() string {
	return fmt.Sprintf("no stream takes subject %s: make one with "+
		"`nats stream add %s --subjects '%s' --storage file --replicas 3 --defaults`, or add ?create=true", e.filter, nameOf(e.filter), e.filter)
}
