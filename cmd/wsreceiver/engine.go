// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/sink/jetstream"
	"filebeat-websocket/receiver/sink/kafka"
)

// maxWindowBytes bounds what is on its way to an engine.
const maxWindowBytes = 8 << 20

// isEngine reports whether records go to an engine on the network.
func (s settings) isEngine() bool { return strings.Contains(s.out, "://") }

// engineHasTLS reports whether --out asks for TLS.
func (s settings) engineHasTLS() bool {
	scheme, _, _ := strings.Cut(s.out, "://")
	if kafka.IsURL(s.out) {
		o, _ := kafka.Parse(s.out) // checkEngine has its error
		return o.UseTLS
	}
	return scheme == "tls" || scheme == "wss"
}

func checkEngine(s settings) error {
	if jetstream.IsURL(s.out) {
		_, err := jetstream.Parse(s.out)
		return err
	}
	if kafka.IsURL(s.out) {
		_, err := kafka.Parse(s.out)
		return err
	}
	return errors.New("the scheme of the URL is not one of nats, tls, ws, wss, kafka")
}

// checkOfEngine is for flags that only an engine has a use for.
func checkOfEngine(s settings, value string) error {
	if value != "" && !s.isEngine() {
		return errors.New("needs --out with the URL of an engine")
	}
	return nil
}

func checkEngineTLS(s settings, value string) error {
	if value != "" && !s.engineHasTLS() {
		return errors.New("needs --out with a URL of scheme tls or wss, or kafka with ?tls=true")
	}
	return nil
}

// openEngine connects to the engine that --out names.
func openEngine(ctx context.Context, s settings, maxMemory int64, log *slog.Logger) (output, error) {
	secured, err := engineTLS(s)
	if err != nil {
		return nil, err
	}
	window := min(maxWindowBytes, maxMemory/16)
	if s.credentialsFile != "" && secured == nil {
		log.Warn("credentials go to the engine without TLS", "flag", "--out")
	}
	if kafka.IsURL(s.out) {
		options, err := kafka.Parse(s.out)
		if err != nil {
			return nil, err
		}
		options.CredentialsFile, options.TLS = s.credentialsFile, secured
		options.WindowBytes, options.Changed = window, engineLog(log)
		sink, err := kafka.New(ctx, options)
		if err != nil {
			return nil, err
		}
		log.Info("connected to the engine", "topic", options.Topic)
		return sink, nil
	}
	options, err := jetstream.Parse(s.out)
	if err != nil {
		return nil, err
	}
	options.CredentialsFile, options.TLS = s.credentialsFile, secured
	options.WindowBytes, options.Changed = window, engineLog(log)
	sink, err := jetstream.New(ctx, options)
	if err != nil {
		return nil, err
	}
	log.Info("connected to the engine", "stream", strings.Join(sink.Streams(), ","))
	return sink, nil
}

// flagOf names the flag that an error of an output is about.
func flagOf(err error) string {
	if _, ok := errors.AsType[*jetstream.CredentialsError](err); ok { // it is Kafka's, too
		return "out-credentials-file"
	}
	if wrong, ok := errors.AsType[*flagError](err); ok {
		return wrong.flag
	}
	_, isOtherHost := errors.AsType[x509.HostnameError](err)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && !isOtherHost {
		return "out-ca"
	}
	// An alert of the other side about a certificate is about the client's.
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" && strings.Contains(alert.Error(), "certificate") {
		return "out-cert"
	}
	return "out"
}

// flagError is about another flag than --out.
type flagError struct {
	flag string
	err  error
}

func (e *flagError) Error() string { return e.err.Error() }
func (e *flagError) Unwrap() error { return e.err }

// engineLog writes one line when the engine fails, and one when it works again.
func engineLog(log *slog.Logger) func(*receiver.Refusal) {
	return func(refusal *receiver.Refusal) {
		if refusal == nil {
			log.Info("the engine takes records again")
			return
		}
		log.Error("the engine does not take records: they are refused for now", "reason", refusal.Reason, "cause", refusal.Cause)
	}
}

// engineTLS returns nil without TLS. The files of the client's certificate are read again
// for each connection.
func engineTLS(s settings) (*tls.Config, error) {
	if !s.engineHasTLS() {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.outCA != "" {
		pem, err := os.ReadFile(s.outCA)
		if err != nil {
			return nil, &flagError{"out-ca", err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &flagError{"out-ca", fmt.Errorf("no certificate in %s", s.outCA)}
		}
	}
	if s.outCert == "" {
		return config, nil
	}
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		certificate, err := tls.LoadX509KeyPair(s.outCert, s.outKey)
		if err != nil {
			return nil, &flagError{"out-cert", err}
		}
		return &certificate, nil
	}
	if _, err := load(nil); err != nil {
		return nil, err
	}
	config.GetClientCertificate = load
	return config, nil
}
