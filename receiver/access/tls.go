// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSFiles name the PEM files of a server.
type TLSFiles struct {
	// Certificate holds the server's certificate and the intermediate ones after
	// it, Key the private key. Both are required.
	Certificate, Key string
	// ClientCA, where set, holds the authorities of which a client has to have a
	// certificate.
	ClientCA string
	// OnError, where set, is told once when a changed file can't be used. What was
	// read before stays in force then.
	OnError func(error)
}

// NewTLSConfig returns the configuration of a server that takes TLS 1.2 and
// later. The files are read again when they have changed, for the handshakes from
// then on. HTTP/2 is not offered: gorilla's upgrade is one of HTTP/1.1.
//
// It is for tls.NewListener. http.Server's ServeTLS would add HTTP/2.
func NewTLSConfig(files TLSFiles) (*tls.Config, error) {
	if files.Certificate == "" || files.Key == "" {
		return nil, errors.New("tls: certificate and key have to be set together")
	}
	names := []string{files.Certificate, files.Key}
	if files.ClientCA != "" {
		names = append(names, files.ClientCA)
	}
	file, err := newReloaded(names, files.load, files.OnError)
	if err != nil {
		return nil, err
	}
	config := file.value.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return file.get(), nil }
	return config, nil
}

func (f TLSFiles) load() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: certificate %s, key %s: %w", f.Certificate, f.Key, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		Certificates: []tls.Certificate{certificate},
	}
	if f.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls: client CA: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls: client CA: no certificate in %s", f.ClientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
