// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/sink/internal/publish"
	"filebeat-websocket/receiver/sink/internal/route"
)

// Options say where records go. Parse fills those of a URL.
type Options struct {
	// Servers are URLs without a path: nats, tls, ws or wss.
	Servers []string
	// Subject may have fields of the record or the client: logs.{agent.name}.
	Subject string
	// Create makes the stream if no stream takes the subject.
	Create bool
	// Replicas are of the stream that is made; 1 unless set.
	Replicas int

	// CredentialsFile has one of: what `nsc` writes as .creds, the seed of an nkey,
	// user:password, or a token. It is read again for each connection.
	CredentialsFile string
	// TLS is for connections with TLS. nil: as the system trusts.
	TLS *tls.Config

	// WindowBytes bounds what is on its way to the server; 8 MiB unless set.
	WindowBytes int64
	// Changed is called when the server begins to fail, with the reason, and with nil when
	// it works again.
	Changed func(*receiver.Refusal)

	// startTimeout is how long New tries; ackTimeout is how long a record waits for its
	// acknowledgement; readTimeout is how long a Stored waits for the next one. All have
	// defaults.
	startTimeout, ackTimeout, readTimeout time.Duration
}

const (
	// defaultStartTimeout is long enough for a server that starts at the same time.
	defaultStartTimeout = 10 * time.Second
	defaultAckTimeout   = 10 * time.Second

	defaultPort    = "4222"
	maxReplicas    = 5
	maxSubjectSize = 1024
)

// CredentialsError is what New returns if Options.CredentialsFile cannot be used, or if the
// server does not accept what it has.
type CredentialsError = publish.CredentialsError

// schemes and their default ports.
var schemes = map[string]string{"nats": defaultPort, "tls": defaultPort, "ws": "80", "wss": "443"}

// IsURL reports whether Parse is for that URL.
func IsURL(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && schemes[scheme] != ""
}

// Parse reads nats://HOST[:PORT][,HOST[:PORT]…]/SUBJECT[?create=true][&replicas=N].
func Parse(text string) (o Options, err error) {
	u, err := route.ParseURL(text, schemes, nil)
	if err != nil {
		return o, err
	}
	for _, host := range u.Hosts {
		o.Servers = append(o.Servers, u.Scheme+"://"+host)
	}
	o.Subject, o.Create, o.Replicas = u.Name, u.Create, u.Replicas
	if o.Replicas > maxReplicas {
		return o, fmt.Errorf("parameter replicas: more than %d", maxReplicas)
	}
	_, err = parseSubject(o.Subject)
	return o, err
}

// parseSubject checks a subject, which may have fields.
func parseSubject(text string) (*route.Template, error) {
	if text == "" {
		return nil, errors.New("the subject is missing: nats://HOST/SUBJECT")
	}
	if len(text) > maxSubjectSize {
		return nil, fmt.Errorf("the subject is longer than %d bytes", maxSubjectSize)
	}
	subject, err := route.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the subject has %w", err)
	}
	plain := subject.Pattern("x")
	for token := range strings.SplitSeq(plain, ".") {
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`*>/\`, r) }) {
			return nil, errors.New("the subject is not valid: it has tokens between dots, of printable ASCII without * > / and \\")
		}
	}
	if strings.HasPrefix(plain, "$") || strings.HasPrefix(plain, "_INBOX.") {
		return nil, errors.New("the subject belongs to NATS itself")
	}
	return subject, nil
}

// filterOf is the subject with a wildcard for each token with a field.
func filterOf(subject *route.Template) string {
	const mark = "*"
	tokens := strings.Split(subject.Pattern(mark), ".")
	for i, token := range tokens {
		if strings.Contains(token, mark) {
			tokens[i] = mark
		}
	}
	return strings.Join(tokens, ".")
}

// nameOf is the name of the stream that is made for a filter: its fixed tokens up to the
// first wildcard.
func nameOf(filter string) string {
	tokens := strings.Split(filter, ".")
	if i := slices.Index(tokens, "*"); i >= 0 {
		tokens = tokens[:i]
	}
	return cmp.Or(strings.Join(tokens, "_"), "records")
}
