// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"filebeat-websocket/cmd/internal/cli"
	"filebeat-websocket/cmd/wscheck/internal/records"
	"filebeat-websocket/cmd/wscheck/internal/rules"
)

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = time.Hour
	// maxMessageBytes keeps the message that is too long, 16 times this, in memory.
	maxMessageBytes = 64 << 20
)

// settings are the values of the flags, and what they come to.
type settings struct {
	options rules.Options
	rules   []*rules.Rule

	only       string
	tokenFile  string
	caFile     string
	certFile   string
	keyFile    string
	secretFile string
	userFile   string
	json       bool
	list       bool
	version    bool
}

func newFlagSet(s *settings) *flag.FlagSet {
	flags := flag.NewFlagSet("wscheck", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error, once
	flags.StringVar(&s.options.Ack, "ack", rules.Ping, "`mode` of confirmation to check: "+strings.Join(rules.Modes(), ", ")+". forward is what the output has as ack: message with format: forward")
	flags.StringVar(&s.options.Format, "format", "json", "`format` of the records: "+strings.Join(records.Formats(), ", "))
	flags.StringVar(&s.only, "only", "", "check only these `rules`: ids such as N2, or letters such as N, with commas between them")
	flags.StringVar(&s.options.StoreCommand, "store-command", "", "shell `command` that prints all that the receiver has stored, such as: cat records.ndjson")
	flags.StringVar(&s.options.KillCommand, "kill-command", "", "shell `command` that kills the receiver and sees to it that it starts again")
	flags.DurationVar(&s.options.Timeout, "timeout", defaultTimeout, "`time` without any answer after which a rule fails")
	flags.IntVar(&s.options.MaxMessageBytes, "max-message-bytes", 1<<20, "max_message_bytes of the output: `length` of the longest message that the receiver has to take")
	flags.StringVar(&s.tokenFile, "bearer-token-file", "", "`file` with the token to send as Authorization: Bearer TOKEN")
	flags.StringVar(&s.caFile, "ca", "", "`file` with the certificate authorities (PEM) that signed the certificate of a wss:// receiver; without it those of the system")
	flags.StringVar(&s.certFile, "cert", "", "`file` with a client certificate (PEM)")
	flags.StringVar(&s.keyFile, "key", "", "`file` with the private key of the client certificate (PEM)")
	flags.StringVar(&s.secretFile, "shared-key-file", "", "`file` with the shared key of the Fluent Forward handshake")
	flags.StringVar(&s.userFile, "user-file", "", "`file` with user:password for the Fluent Forward handshake")
	flags.BoolVar(&s.json, "json", false, "print the results as one JSON object")
	flags.BoolVar(&s.list, "list", false, "print the rules and exit")
	flags.BoolVar(&s.version, "version", false, "print the version and exit")
	return flags
}

func usage() string {
	var b bytes.Buffer
	b.WriteString("wscheck URL checks whether a receiver keeps the rules of output.websocket.\n\nFlags:\n")
	cli.WriteFlags(&b, newFlagSet(&settings{}))
	b.WriteString("\nExit code: 0 if no MUST fails and at least one was tried, 1 otherwise, 2 for a wrong flag.\n")
	return b.String()
}

// parseFlags returns flag.ErrHelp if help was asked for, or an error that names the wrong
// flag. Flags may stand behind the URL, too.
func parseFlags(args []string) (s settings, err error) {
	flags := newFlagSet(&s)
	var urls []string
	for {
		if err := flags.Parse(args); err != nil {
			return s, err
		}
		if flags.NArg() == 0 {
			break
		}
		urls, args = append(urls, flags.Arg(0)), flags.Args()[1:]
	}
	if s.version {
		return s, nil
	}
	// With a format of its own there is one way to confirm.
	if s.options.Ack == rules.Forward && !isSet(flags, "format") {
		s.options.Format = rules.Forward
	}
	for _, check := range []struct {
		flag string
		err  error
	}{
		{"ack", checkName(s.options.Ack, rules.Modes())},
		{"format", checkName(s.options.Format, records.Formats())},
		{"format", checkForward(s.options)},
		{"only", s.choose()},
		{"timeout", checkTimeout(s.options.Timeout)},
		{"max-message-bytes", checkBytes(s.options.MaxMessageBytes)},
		{"kill-command", cli.CheckNeeds("store-command", s.options.KillCommand, s.options.StoreCommand)},
		{"cert", cli.CheckPair("key", s.certFile, s.keyFile)},
		{"user-file", cli.CheckNeeds("shared-key-file", s.userFile, s.secretFile)},
	} {
		if check.err != nil {
			return s, fmt.Errorf("flag --%s: %w", check.flag, check.err)
		}
	}
	if s.list {
		return s, nil
	}
	if len(urls) != 1 {
		return s, fmt.Errorf("one URL is needed, such as ws://127.0.0.1:8080/ingest, but there are %d", len(urls))
	}
	if s.options.URL, err = parseURL(urls[0]); err != nil {
		return s, err
	}
	return s, s.readFiles()
}

func isSet(flags *flag.FlagSet, name string) (set bool) {
	flags.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

func parseURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "ws" && parsed.Scheme != "wss" {
		return nil, errors.New("the URL is not one that begins with ws:// or wss://") // it may have a secret
	}
	return parsed, nil
}

// choose finds the rules of --only.
func (s *settings) choose() error {
	names := strings.FieldsFunc(s.only, func(r rune) bool { return r == ',' || r == ' ' })
	chosen, unknown := rules.Named(names)
	if unknown != "" {
		return fmt.Errorf("there is no rule %q; --list prints them", unknown)
	}
	s.rules = chosen
	if s.list {
		return nil
	}
	s.rules = slices.DeleteFunc(chosen, func(r *rules.Rule) bool { return !r.Applies(s.options.Ack) })
	if len(s.rules) == 0 {
		return fmt.Errorf("none of these rules applies to --ack %s", s.options.Ack)
	}
	return nil
}

func checkName(name string, names []string) error {
	if !slices.Contains(names, name) {
		return fmt.Errorf("%q is not one of %s", name, strings.Join(names, ", "))
	}
	return nil
}

func checkForward(o rules.Options) error {
	switch {
	case o.Ack == rules.Forward && o.Format != rules.Forward:
		return errors.New("--ack forward is for --format forward")
	case o.Ack == rules.Message && o.Format == rules.Forward:
		return errors.New("of Fluent Forward, which has confirmations of its own: use --ack forward")
	case o.Format == rules.Forward && o.Ack != rules.Forward:
		return errors.New("--format forward is for --ack forward")
	}
	return nil
}

func checkTimeout(d time.Duration) error {
	if d < 100*time.Millisecond || d > maxTimeout {
		return fmt.Errorf("not between 100ms and %v", maxTimeout)
	}
	return nil
}

func checkBytes(n int) error {
	if n < 1024 || n > maxMessageBytes {
		return fmt.Errorf("not between 1024 and %d", maxMessageBytes)
	}
	return nil
}

// readFiles reads the files that flags name.
func (s *settings) readFiles() (err error) {
	for _, file := range []struct {
		flag, name string
		to         *string
	}{
		{"bearer-token-file", s.tokenFile, &s.options.Token},
		{"shared-key-file", s.secretFile, &s.options.SharedKey},
	} {
		if *file.to, err = readLine(file.name); err != nil {
			return fmt.Errorf("flag --%s: %w", file.flag, err)
		}
	}
	user, err := readLine(s.userFile)
	if err != nil {
		return fmt.Errorf("flag --user-file: %w", err)
	}
	s.options.Username, s.options.Password, _ = strings.Cut(user, ":")
	s.options.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.caFile != "" {
		content, err := os.ReadFile(s.caFile)
		if err != nil {
			return fmt.Errorf("flag --ca: %w", err)
		}
		s.options.TLS.RootCAs = x509.NewCertPool()
		if !s.options.TLS.RootCAs.AppendCertsFromPEM(content) {
			return fmt.Errorf("flag --ca: no certificate in %s", s.caFile)
		}
	}
	if s.certFile != "" {
		pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
		if err != nil {
			return fmt.Errorf("flag --cert: %w", err)
		}
		s.options.TLS.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// readLine returns the first line of a file, or nothing without a name.
func readLine(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("nothing in the first line of %s", name)
	}
	return line, nil
}
