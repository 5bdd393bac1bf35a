// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	libcodec "github.com/elastic/beats/v7/libbeat/outputs/codec"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/internal/deadletter"
	"filebeat-websocket/outputs/websocket/internal/options"
	"filebeat-websocket/outputs/websocket/internal/settings"
)

// config has every setting of output.websocket. The config tag is the key, the
// alias tag another name for it. Sections of libbeat's own types
// (tag ucfg) are read by libbeat's library, the rest by readConfig.
type config struct {
	// Where to send.
	Hosts       []string          `config:"hosts"`
	Addr        string            `config:"addr"`
	Schema      string            `config:"schema" alias:"protocol"`
	Path        string            `config:"path"`
	Parameters  map[string]string `config:"parameters"`
	Workers     int               `config:"workers" alias:"worker"`
	LoadBalance bool              `config:"loadbalance"`

	// Sizes and limits.
	BatchSize       int                 `config:"batch_size" alias:"bulk_max_size"`
	MaxMessageBytes settings.Bytes      `config:"max_message_bytes"`
	MaxFrameBytes   settings.Bytes      `config:"max_frame_bytes"`
	Pipelining      int                 `config:"pipelining"`
	MaxLen          settings.Bytes      `config:"max_len"`
	DeadLetter      deadletter.Settings `config:"dead_letter"`

	// When an event counts as delivered.
	Ack                 string        `config:"ack"`
	AckField            string        `config:"ack_field"`
	Timeout             time.Duration `config:"timeout"`
	RetryLimit          int           `config:"retry_limit" alias:"max_retries"`
	DropAfterRetryLimit bool          `config:"drop_after_retry_limit"`
	Backoff             backoffConfig `config:"backoff"`
	TTL                 time.Duration `config:"ttl"`

	// What goes over the wire.
	EventID string          `config:"event_id"`
	Format  string          `config:"format"`
	Framing string          `config:"framing"`
	Codec   libcodec.Config `config:"codec,ucfg"`
	Options options.All     `config:"-"` // read by their own Read
	Forward forwardConfig   `config:"forward"`

	CompressionLevel     int            `config:"compression_level"`
	CompressionThreshold settings.Bytes `config:"compression_threshold"`

	// The connection.
	PingInterval       time.Duration     `config:"ping_interval"`
	ConnectTimeout     time.Duration     `config:"connect_timeout"`
	WriteTimeout       time.Duration     `config:"write_timeout"`
	CloseTimeout       time.Duration     `config:"close_timeout"`
	HostHeader         string            `config:"host_header"`
	Headers            map[string]string `config:"headers"`
	Origin             string            `config:"origin"`
	UserAgent          string            `config:"user_agent"`
	Subprotocols       []string          `config:"subprotocols"`
	RequireSubprotocol bool              `config:"required_subprotocol"`
	Username           string            `config:"username"`
	Password           string            `config:"password"`
	APIKey             string            `config:"api_key"`
	BearerToken        string            `config:"bearer_token"`
	BearerTokenFile    string            `config:"bearer_token_file"`
	ProxyURL           string            `config:"proxy_url"`
	ProxyHeaders       map[string]string `config:"proxy_headers"`
	ProxyDisable       bool              `config:"proxy_disable"`
	ProxyLocalResolver bool              `config:"proxy_use_local_resolver"`
	TLS                *tlsSettings      `config:"ssl,ucfg"`
	MaxReadBytes       settings.Bytes    `config:"max_read_bytes"`

	// As in every output.
	Enabled bool           `config:"enabled"`
	Queue   conf.Namespace `config:"queue,ucfg"`
}

type backoffConfig struct {
	Init time.Duration `config:"init"`
	Max  time.Duration `config:"max"`
}

// readConfig decodes and checks the settings under output.websocket. Every
// error names the setting it is about.
func readConfig(cfg *conf.C) (*config, error) {
	section, err := settings.Open(cfg, "output."+outputName)
	if err != nil {
		return nil, err
	}
	unquoteOff(section.Values)
	c := defaultConfig()
	if err := section.Libbeats(&c); err != nil {
		return nil, err
	}
	if err := section.ResolveAliases(&c); err != nil {
		return nil, err
	}
	others, ofCodecs := c.Options.Read(section)
	own := section.Decode(section.Values, &c, func(key string) string { return key }, others...)
	if err := errors.Join(ofCodecs, own); err != nil {
		return nil, err
	}
	c.requireModernTLS()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &c, nil
}

func defaultConfig() config {
	return config{
		Schema:      "ws",
		Path:        "/",
		Workers:     1,
		LoadBalance: true,

		BatchSize:       1600,
		MaxMessageBytes: 1 << 20,
		Pipelining:      2,
		DeadLetter: deadletter.Settings{
			Filename:      "websocket",
			RotateEveryKB: 10240,
			NumberOfFiles: 7,
			Permissions:   0o600,
		},

		Ack:        "ping",
		Timeout:    30 * time.Second,
		RetryLimit: 3,
		Backoff:    backoffConfig{Init: time.Second, Max: 60 * time.Second},

		EventID: eventIDAuto,
		Format:  codec.DefaultFormat,
		Options: options.Defaults(),
		Forward: defaultForward(),

		CompressionThreshold: 1 << 10,

		PingInterval:   30 * time.Second,
		ConnectTimeout: 10 * time.Second,
		WriteTimeout:   30 * time.Second,
		CloseTimeout:   5 * time.Second,
		MaxReadBytes:   1 << 20,

		Enabled: true,
	}
}

// minimumBytes is the lower limit of sizes.
const minimumBytes = 1 << 10

// More connections to a host, or batches in flight on one of them, make nothing faster.
const (
	maxWorkers    = 1024
	maxPipelining = 1024
)

// Validate returns an error for every setting with an invalid value. Each error
// names its setting.
func (c *config) Validate() error {
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	atLeast := func(key string, value, minimum int64) {
		if value < minimum {
			bad(key, "must be at least %d, is %d", minimum, value)
		}
	}
	positive := func(key string, value time.Duration) {
		if value <= 0 {
			bad(key, "must be above 0, is %v", value)
		}
	}
	notNegative := func(key string, value time.Duration) {
		if value < 0 {
			bad(key, "must not be negative, is %v", value)
		}
	}

	atLeast("workers", int64(c.Workers), 1)
	if c.Workers > maxWorkers {
		bad("workers", "must be at most %d, is %d: each is a connection, with buffers and goroutines of its own", maxWorkers, c.Workers)
	}
	atLeast("batch_size", int64(c.BatchSize), 1)
	atLeast("pipelining", int64(c.Pipelining), 1)
	if c.Pipelining > maxPipelining {
		bad("pipelining", "must be at most %d, is %d: batches in flight stay in memory, and are all sent again when a connection is lost", maxPipelining, c.Pipelining)
	}
	atLeast("max_message_bytes", int64(c.MaxMessageBytes), minimumBytes)
	if c.MaxFrameBytes != 0 {
		atLeast("max_frame_bytes", int64(c.MaxFrameBytes), minimumBytes)
	}
	atLeast("max_len", int64(c.MaxLen), 0)
	atLeast("retry_limit", int64(c.RetryLimit), -1)
	atLeast("max_read_bytes", int64(c.MaxReadBytes), 1)
	positive("timeout", c.Timeout)
	positive("connect_timeout", c.ConnectTimeout)
	positive("write_timeout", c.WriteTimeout)
	positive("close_timeout", c.CloseTimeout)
	notNegative("ping_interval", c.PingInterval)
	notNegative("ttl", c.TTL)
	positive("backoff.init", c.Backoff.Init)
	if c.Backoff.Max < c.Backoff.Init {
		bad("backoff.max", "must not be below backoff.init (%v), is %v", c.Backoff.Init, c.Backoff.Max)
	}

	if !slices.Contains(eventIDs, c.EventID) {
		bad("event_id", "must be one of %s, is %q", strings.Join(eventIDs, ", "), c.EventID)
	}
	problems = append(problems, c.validateStrategy()...)
	problems = append(problems, c.validateFormat()...)

	if err := validateHeaders(c.Headers); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, c.validateCredentials()...)
	problems = append(problems, c.validateProxy()...)
	problems = append(problems, c.validateAgreement()...)
	for key, value := range map[string]string{"origin": c.Origin, "user_agent": c.UserAgent} {
		if !httpguts.ValidHeaderFieldValue(value) {
			bad(key, "is not a valid header value")
		}
	}

	problems = append(problems, c.validateNames()...)

	if c.AckField != "" && c.Ack != "message" {
		bad("ack_field", "is for ack: message, not for ack: %s", c.Ack)
	}
	if slices.Contains(strings.Split(c.AckField, "."), "") && c.AckField != "" {
		bad("ack_field", "is not a field name such as a.b")
	}
	for key, err := range c.DeadLetter.Problems() {
		bad("dead_letter."+key, "%w", err)
	}

	if _, err := c.endpoints(); err != nil {
		problems = append(problems, err)
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// validateHeaders refuses headers that would break the upgrade request. The errors
// do not contain values, which may be secrets.
func validateHeaders(headers map[string]string) error {
	var problems []error
	for name, value := range headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			problems = append(problems, settingError("headers", fmt.Errorf("%q is not a valid header name", name)))
		case canonical == "Host":
			problems = append(problems, settingError("headers", fmt.Errorf("%s is set with host_header", name)))
		case canonical == "Upgrade", canonical == "Connection", strings.HasPrefix(canonical, "Sec-Websocket-"):
			problems = append(problems, settingError("headers", fmt.Errorf("%s belongs to the handshake and can't be set", name)))
		case !httpguts.ValidHeaderFieldValue(value):
			problems = append(problems, settingError("headers", fmt.Errorf("the value of %s contains a byte that is not allowed in a header", name)))
		}
	}
	return errors.Join(problems...)
}

// settingError adds the name of the setting to an error.
func settingError(key string, err error) error {
	return fmt.Errorf("output.websocket.%s: %w", key, err)
}
