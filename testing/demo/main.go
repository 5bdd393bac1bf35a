// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// unattendedDuration is how long it runs where nobody can press Ctrl-C.
	unattendedDuration = 10 * time.Second
	// arrivalTimeout is how long the last lines have to arrive.
	arrivalTimeout = 30 * time.Second
	// hastyTimeout is the same after Ctrl-C: mage kills the demo 5 s after it.
	hastyTimeout = 3 * time.Second
)

// next is the end of a demo in which all went well. The README says more about each line.
const next = `
What to try next, in this folder:
  1. Set the paths of your logs in filebeat.yml.
  2. ./wsreceiver --listen 127.0.0.1:8080 --path /ingest --tail
  3. ./filebeat -e -c filebeat.yml
Your lines are then at http://127.0.0.1:8080/.
`

// listening says which port the demo has, and why if it is not the usual one.
func listening(url string) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(url, "ws://"), "/")
	text := "wsreceiver listens on " + address + ", for this machine only."
	if address != usualAddress {
		text += " Another program has " + usualAddress + "."
	}
	return text + " Open the address of the live tail in a browser. Ctrl-C ends the demo."
}

func main() {
	duration, err := wanted()
	if err == nil {
		err = run(duration)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// wanted returns how long to run; 0 means until Ctrl-C.
func wanted() (time.Duration, error) {
	if text := os.Getenv("DEMO_SECONDS"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 {
			return 0, fmt.Errorf("DEMO_SECONDS has to be a whole number of seconds from 1 on, and is %q", text)
		}
		return time.Duration(seconds) * time.Second, nil
	}
	if !isTerminal(os.Stdout) {
		return unattendedDuration, nil
	}
	return 0, nil
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	if err != nil {
		return false
	}
	null, err := os.Stat(os.DevNull)
	// The null device is a character device too.
	return info.Mode()&os.ModeCharDevice != 0 && (err != nil || !os.SameFile(info, null))
}

func run(duration time.Duration) error {
	// First of all: a signal must not end the demo without the programs that it starts.
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := os.MkdirTemp("", "filebeat-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()

	arrived := &arrivals{seen: map[int]bool{}}
	receiver, err := openReceiver(context.WithoutCancel(interrupted), arrived)
	if err != nil {
		return err
	}
	defer receiver.Kill()
	filebeat, err := openFilebeat(context.WithoutCancel(interrupted), folder, receiver.url)
	if err != nil {
		return err
	}
	defer filebeat.Kill()
	log, err := newWeblog(filepath.Join(folder, "access.log"))
	if err != nil {
		return err
	}

	writing := interrupted
	fmt.Printf("\n  Live tail:  %s\n\n", arrived.page)
	fmt.Println(listening(receiver.url))
	if duration > 0 {
		var cancel context.CancelFunc
		writing, cancel = context.WithTimeout(interrupted, duration)
		defer cancel()
	} else {
		fmt.Println("Press Ctrl-C to stop.")
	}
	fmt.Printf("filebeat reads %s and sends its lines to %s. The first lines to arrive:\n", log.file.Name(), receiver.url)
	if err := log.grow(writing); err != nil {
		return err
	}

	patience := arrivalTimeout
	if interrupted.Err() != nil {
		patience = hastyTimeout
	}
	awaitArrival(arrived, log.lines, patience)
	err = errors.Join(filebeat.Close(), receiver.Close())
	unique, twice := arrived.totals()
	fmt.Printf("%d lines written, %d arrived, %d missing, %d arrived twice\n", log.lines, unique, log.lines-unique, twice)
	if unique == log.lines && err == nil {
		fmt.Print(next)
	}
	if unique != log.lines {
		err = errors.Join(err, filebeat.Failure(fmt.Errorf("%d lines are missing", log.lines-unique)))
	}
	return err
}

// awaitArrival returns when all lines have arrived, or after patience: the totals
// tell which.
func awaitArrival(arrived *arrivals, lines int, patience time.Duration) {
	deadline := time.After(patience)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if unique, _ := arrived.totals(); unique == lines {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			return
		}
	}
}
