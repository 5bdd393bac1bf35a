// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

const profileSeconds = 10

// profile writes a CPU profile of a filebeat that sends. The run is not measured:
// profiling costs time.
func (b *bench) profile(ctx context.Context, path string) (err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = b.run(ctx, testCase{base: shippedFile, output: "websocket"}, func() error {
		url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, profileSeconds)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		_, err = io.Copy(file, response.Body)
		return err
	}, nil, "--httpprof", address)
	return err
}

// freeAddress returns an address that is free until another program takes it.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
