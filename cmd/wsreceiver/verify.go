// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"filebeat-websocket/cmd/internal/cli"
	"filebeat-websocket/receiver/sink/jetstream"
	"filebeat-websocket/receiver/verify"
)

const verifyCommand = "verify"

// The exit codes of verify: as those of cmp and diff.
const (
	exitDiffers = 1
	exitTrouble = 2
)

// maxFingerprint guards against a typo: each source is read that far, into memory.
const maxFingerprint = 64 << 20

// verifySettings are the values of the flags of verify.
type verifySettings struct {
	landed            []string
	since             string
	json              bool
	showLines         bool
	fingerprintLength int64

	engine settings // credentials and TLS of a stream
}

func newVerifyFlagSet(s *verifySettings) *flag.FlagSet {
	flags := flag.NewFlagSet("wsreceiver verify", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // runVerify prints the error, once
	flags.Func("landed", "`folder` or file that wsreceiver has written, whose files may be gzip'd, or the URL of its --out for NATS JetStream. Give the flag again for another one, in the order in which they were written", func(value string) error {
		s.landed = append(s.landed, value)
		return nil
	})
	flags.StringVar(&s.since, "since", "", "`time`, or duration until now such as 24h: leave out the lines of a file up to its last record that is older, and files that were not written since")
	flags.BoolVar(&s.json, "json", false, "print findings as JSON, one per line; the last line is the summary")
	flags.BoolVar(&s.showLines, "show-lines", false, "print the first 80 characters of the first line of each finding")
	flags.Int64Var(&s.fingerprintLength, "fingerprint-length", verify.DefaultFingerprintLength, "`number` of bytes in prospector.scanner.fingerprint.length of the input; 64 in the manifests for Kubernetes")
	flags.StringVar(&s.engine.credentialsFile, "out-credentials-file", "", "`file` with the credentials for NATS, as wsreceiver has it: a .creds file, the seed of an nkey, user:password or a token")
	flags.StringVar(&s.engine.outCA, "out-ca", "", "`file` with certificate authorities (PEM) of the NATS server; those of the system unless set")
	flags.StringVar(&s.engine.outCert, "out-cert", "", "`file` with the client certificate for the NATS server, followed by intermediate certificates (PEM)")
	flags.StringVar(&s.engine.outKey, "out-key", "", "`file` with the private key of the client certificate (PEM)")
	return flags
}

func verifyUsage() string {
	var b bytes.Buffer
	b.WriteString("wsreceiver verify --landed FOLDER|URL SOURCE… compares log files with what has landed:\nevery line has to be there once, in the order of its file.\n\nFlags:\n")
	cli.WriteFlags(&b, newVerifyFlagSet(&verifySettings{}))
	b.WriteString("\nThe exit code is 0 if nothing is missing, double or out of order, 1 if something is,\nand 2 if the files could not be compared.\n")
	return b.String()
}

// runVerify is the command verify. It returns the exit code.
func runVerify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, options, err := parseVerify(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(stdout, verifyUsage())
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "wsreceiver verify: %v\nTry wsreceiver verify --help.\n", err)
		return exitTrouble
	}
	parts, closeAll, err := s.parts(ctx, stderr)
	defer closeAll()
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "wsreceiver verify: %v\n", err)
		return exitTrouble
	}
	options.Landed = parts
	var printErr error
	options.Progress = &verify.Progress{}
	bar := showProgress(options.Progress, stderr)
	options.Found = func(f verify.Finding) {
		if printErr == nil {
			bar.over(func() { printErr = s.print(stdout, f) })
		}
	}
	summary, err := verify.Run(ctx, options)
	bar.end()
	if err = errors.Join(err, printErr); err == nil {
		err = s.printSummary(stdout, summary)
	}
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "wsreceiver verify: %v\n", err)
		return exitTrouble
	case !summary.OK():
		return exitDiffers
	}
	return exitOK
}

func parseVerify(args []string) (s verifySettings, o verify.Options, err error) {
	flags := newVerifyFlagSet(&s)
	if err := flags.Parse(args); err != nil {
		return s, o, err
	}
	if err := checkFiles(flags); err != nil {
		return s, o, err
	}
	if len(s.landed) == 0 {
		return s, o, errors.New("flag --landed: no folder, file or URL is given")
	}
	if flags.NArg() == 0 {
		return s, o, errors.New("no log file to verify is given")
	}
	if s.fingerprintLength < 64 { // filestream's minimum
		return s, o, errors.New("flag --fingerprint-length: less than 64")
	}
	if s.fingerprintLength > maxFingerprint {
		return s, o, errors.New("flag --fingerprint-length: more than 64MiB")
	}
	o.FingerprintLength = s.fingerprintLength
	if o.Since, err = parseSince(s.since, time.Now()); err != nil {
		return s, o, fmt.Errorf("flag --since: %w", err)
	}
	if err := s.checkEngine(); err != nil {
		return s, o, err
	}
	for _, name := range flags.Args() {
		files, err := expand(name)
		if err != nil {
			return s, o, err
		}
		o.Sources = append(o.Sources, files...)
	}
	return s, o, nil
}

// checkEngine checks the URLs of --landed, and the flags that are only for them.
func (s verifySettings) checkEngine() error {
	hasURL, hasTLS := false, false
	for _, name := range s.landed {
		if !strings.Contains(name, "://") {
			continue
		}
		if !jetstream.IsURL(name) {
			return errors.New("flag --landed: the scheme of the URL is not one of nats, tls, ws, wss")
		}
		if _, err := jetstream.Parse(name); err != nil {
			return fmt.Errorf("flag --landed: %w", err)
		}
		hasURL, hasTLS = true, hasTLS || s.engineOf(name).engineHasTLS()
	}
	for _, flag := range []struct {
		name, value string
		has         bool
		needs       string
	}{
		{"out-credentials-file", s.engine.credentialsFile, hasURL, "the URL of an engine"},
		{"out-ca", s.engine.outCA, hasTLS, "a URL of scheme tls or wss"},
		{"out-cert", s.engine.outCert, hasTLS, "a URL of scheme tls or wss"},
		{"out-key", s.engine.outKey, hasTLS, "a URL of scheme tls or wss"},
	} {
		if flag.value != "" && !flag.has {
			return fmt.Errorf("flag --%s: needs --landed with %s", flag.name, flag.needs)
		}
	}
	if err := cli.CheckPair("out-key", s.engine.outCert, s.engine.outKey); err != nil {
		return fmt.Errorf("flag --out-cert: %w", err)
	}
	return nil
}

// engineOf returns the settings of a wsreceiver that writes to the URL.
func (s verifySettings) engineOf(url string) settings {
	of := s.engine
	of.out = url
	return of
}

// parts returns what has landed. It connects to streams; closeAll ends that.
func (s verifySettings) parts(ctx context.Context, stderr io.Writer) (parts []verify.Part, closeAll func(), err error) {
	var streams []*jetstream.Stored
	closeAll = func() {
		for _, stream := range streams {
			_ = stream.Close() // it was only read
		}
	}
	for _, name := range s.landed {
		if !jetstream.IsURL(name) {
			folder, err := verify.FolderParts(name)
			if err != nil {
				return nil, closeAll, fmt.Errorf("flag --landed: %w", err)
			}
			parts = append(parts, folder...)
			continue
		}
		options, err := jetstream.Parse(name)
		if err != nil {
			return nil, closeAll, err
		}
		of := s.engineOf(name)
		if options.TLS, err = engineTLS(of); err != nil {
			return nil, closeAll, fmt.Errorf("flag --%s: %w", flagOf(err), err)
		}
		options.CredentialsFile = of.credentialsFile
		if options.CredentialsFile != "" && options.TLS == nil {
			_, _ = fmt.Fprintln(stderr, "wsreceiver verify: credentials go to the engine without TLS")
		}
		stream, err := jetstream.OpenStored(ctx, options)
		if err != nil {
			name := flagOf(err)
			if name == "out" {
				name = "landed"
			}
			return nil, closeAll, fmt.Errorf("flag --%s: %w", name, err)
		}
		streams = append(streams, stream)
		parts = append(parts, verify.Part{
			Name: "stream " + stream.Stream, First: int64(stream.First), Bytes: stream.Bytes,
			Open: stream.Open,
		})
	}
	return parts, closeAll, nil
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	since, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return since, errors.New("neither a duration such as 24h nor a time such as 2021-02-05T22:17:09Z")
	}
	return since, nil
}

// expand returns the files that a pattern matches, if a shell has not done that already.
func expand(name string) ([]string, error) {
	if _, err := os.Stat(name); err == nil {
		return []string{name}, nil
	}
	files, err := filepath.Glob(name)
	if err == nil && len(files) == 0 {
		err = errors.New("no such file")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return files, nil
}

func (s verifySettings) print(to io.Writer, f verify.Finding) (err error) {
	if !s.showLines {
		f.Text = ""
	}
	if s.json {
		return json.NewEncoder(to).Encode(f)
	}
	switch f.Kind {
	case verify.Unverified:
		_, err = fmt.Fprintf(to, "%s: %s: %s\n", f.File, f.Kind, f.Reason)
		return err
	case verify.Unreadable:
		_, err = fmt.Fprintf(to, "%s: %s: not a JSON object\n", f.Landed, f.Kind)
		return err
	case verify.Stray:
		_, err = fmt.Fprintf(to, "%s: %s: %s of offsets %d to %d, where no line begins (%s)\n", f.File, f.Kind, plural(f.Lines, "record"), f.From, f.To, f.Landed)
		return err
	}
	line := fmt.Sprintf("%s: %s: %s at bytes %d to %d", f.File, f.Kind, plural(f.Lines, "line"), f.From, f.To)
	if f.Landed != "" {
		line += " (" + f.Landed + ")"
	}
	if f.AtEnd {
		line += ", the end of the file"
	}
	if f.Text != "" {
		line += fmt.Sprintf("\n    %q", f.Text)
	}
	_, err = fmt.Fprintln(to, line)
	return err
}

func (s verifySettings) printSummary(to io.Writer, summary verify.Summary) error {
	if s.json {
		return json.NewEncoder(to).Encode(struct {
			verify.Summary
			OK bool `json:"ok"`
		}{summary, summary.OK()})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s, %s: %d missing, %d double, %d out of order", plural(summary.Lines, "line"), plural(int64(summary.Sources), "file"),
		plural(summary.Records, "record"), summary.Missing, summary.Double, summary.OutOfOrder)
	for _, more := range []struct {
		count int64
		what  string
	}{
		{summary.Stray, "stray"},
		{summary.Unreadable, "unreadable"},
		{summary.Unverified, "not verified"},
		{summary.Others, "of other files"},
		{summary.Placeless, "without a place"},
	} {
		if more.count > 0 {
			fmt.Fprintf(&b, ", %d %s", more.count, more.what)
		}
	}
	_, err := fmt.Fprintln(to, b.String())
	return err
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", humanize.Comma(n), what)
}
