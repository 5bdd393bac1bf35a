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
	"os/exec"
	"path/filepath"
)

const profileSeconds = 10

// profiled are the ways of sending of which a profile is a mix.
var profiled = []testCase{
	{name: "json", base: shippedFile, output: "websocket"},
	{name: "raw, framing lines", base: shippedFile, output: "websocket", set: map[string]any{"format": "raw", "framing": "lines"}},
	{name: "json, 200 files", base: shippedFile, load: "files", output: "websocket"},
}

// profile writes a CPU profile of filebeats that send, one after the other. The runs are
// not measured: profiling costs time.
func (b *bench) profile(ctx context.Context, path string) error {
	merge := []string{"tool", "pprof", "-proto", "-output=" + path}
	for i, c := range profiled {
		part := filepath.Join(b.folder, fmt.Sprintf("profile-%d", i))
		if err := b.profileCase(ctx, c, part); err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
		merge = append(merge, part)
	}
	command := exec.CommandContext(ctx, "go", merge...)
	command.Stderr = os.Stderr
	return command.Run()
}

func (b *bench) profileCase(ctx context.Context, c testCase, path string) (err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = b.run(ctx, c, func() error {
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
