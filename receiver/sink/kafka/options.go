// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/sink/internal/publish"
	"filebeat-websocket/receiver/sink/internal/route"
)

// Options say where records go. Parse fills those of a URL.
type Options struct {
	// Brokers are HOST:PORT of some of them.
	Brokers []string
	// Topic may have fields of the record or the client: logs.{agent.name}.
	Topic string
	// Create makes topics that are not there.
	Create bool
	// Replicas are of the topics that are made; what the brokers have as default unless
	// set.
	Replicas int

	// SASL is plain, scram-sha-256 or scram-sha-512, and needs CredentialsFile.
	SASL string
	// CredentialsFile has user:password. It is read again for each connection.
	CredentialsFile string
	// UseTLS is set by Parse. TLS is needed then.
	UseTLS bool
	TLS    *tls.Config

	// WindowBytes bounds what is on its way to the brokers; 8 MiB unless set.
	WindowBytes int64
	// Changed is called when the brokers begin to fail, with the reason, and with nil when
	// they work again.
	Changed func(*receiver.Refusal)

	// startTimeout is how long New tries; deliveryTimeout is how long a record is tried.
	// Both have defaults.
	startTimeout, deliveryTimeout time.Duration
}

const (
	// defaultStartTimeout is long enough for brokers that start at the same time.
	defaultStartTimeout = 10 * time.Second
	// defaultDeliveryTimeout is long enough for the choice of another leader.
	defaultDeliveryTimeout = 10 * time.Second

	// maxTopicBytes is Kafka's.
	maxTopicBytes       = 249
	maxCredentialsBytes = 64 << 10
)

// CredentialsError is what New returns if Options.CredentialsFile cannot be used, or if the
// brokers do not accept what it has.
type CredentialsError = publish.CredentialsError

var schemes = map[string]string{"kafka": "9092"}

// IsURL reports whether Parse is for that URL.
func IsURL(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && schemes[scheme] != ""
}

// Parse reads kafka://BROKER[:PORT][,BROKER[:PORT]…]/TOPIC, with the parameters create,
// replicas, tls and sasl.
func Parse(text string) (o Options, err error) {
	u, err := route.ParseURL(text, schemes, func(name, value string) (known bool, err error) {
		switch name {
		case "tls":
			o.UseTLS, err = route.ParseBool(value)
			return true, err
		case "sasl":
			o.SASL = value
			if mechanisms[value] == nil {
				err = errors.New("not one of plain, scram-sha-256, scram-sha-512")
			}
			return true, err
		}
		return false, nil
	})
	if err != nil {
		return o, err
	}
	o.Brokers, o.Topic, o.Create, o.Replicas = u.Hosts, u.Name, u.Create, u.Replicas
	_, err = parseTopic(o.Topic)
	return o, err
}

// parseTopic checks a topic, which may have fields.
func parseTopic(text string) (*route.Template, error) {
	if text == "" {
		return nil, errors.New("the topic is missing: kafka://BROKER/TOPIC")
	}
	topic, err := route.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the topic has %w", err)
	}
	if len(topic.Pattern(strings.Repeat("x", route.MaxValueBytes))) > maxTopicBytes {
		return nil, fmt.Errorf("the topic can be longer than %d bytes: a field may have %d", maxTopicBytes, route.MaxValueBytes)
	}
	name := topic.Pattern("x")
	isWrong := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	if name == "." || name == ".." || strings.ContainsFunc(name, isWrong) {
		return nil, errors.New("the topic is not valid: it has letters, digits, dots, _ and -")
	}
	return topic, nil
}

// mechanisms of SASL read the credentials for each connection.
var mechanisms = map[string]func(read func() (user, password string, err error)) sasl.Mechanism{
	"plain": func(read func() (string, string, error)) sasl.Mechanism {
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			user, password, err := read()
			return plain.Auth{User: user, Pass: password}, err
		})
	},
	"scram-sha-256": func(read func() (string, string, error)) sasl.Mechanism { return scram.Sha256(scramAuth(read)) },
	"scram-sha-512": func(read func() (string, string, error)) sasl.Mechanism { return scram.Sha512(scramAuth(read)) },
}

func scramAuth(read func() (string, string, error)) func(context.Context) (scram.Auth, error) {
	return func(context.Context) (scram.Auth, error) {
		user, password, err := read()
		return scram.Auth{User: user, Pass: password}, err
	}
}

// readCredentials reads user:password.
func readCredentials(name string) (user, password string, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", "", fmt.Errorf("read credentials: %w", err)
	}
	if info.Size() > maxCredentialsBytes {
		return "", "", errors.New("the credentials file is longer than 64 KiB")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", "", fmt.Errorf("read credentials: %w", err)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(string(text)), ":")
	if !ok || user == "" || password == "" || strings.Contains(password, "\n") {
		return "", "", errors.New("the credentials file is not one line with user:password")
	}
	return user, password, nil
}
