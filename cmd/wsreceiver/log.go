// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/forward"
	"filebeat-websocket/receiver/post"
)

// refusalInterval is how long refusals of one kind are only counted after a log
// line: a full disk refuses every message of every client.
const refusalInterval = 10 * time.Second

// refusalLog logs refusals, even when quiet: a failing output concerns all
// connections, and what is refused for good is lost.
type refusalLog struct {
	log *slog.Logger

	mutex    sync.Mutex
	forNow   refusalKind
	forGood  refusalKind
	interval time.Duration
}

type refusalKind struct {
	silentUntil time.Time
	leftOut     int // since the last line
}

func newRefusalLog(log *slog.Logger) *refusalLog {
	return &refusalLog{log: log, interval: refusalInterval}
}

func (l *refusalLog) note(p receiver.Peer, refusal *receiver.Refusal) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	kind, level, text := &l.forGood, slog.LevelWarn, "records refused for good"
	if refusal.Retry {
		kind, level, text = &l.forNow, slog.LevelError, "records refused for now"
	}
	if time.Now().Before(kind.silentUntil) {
		kind.leftOut++
		return
	}
	arguments := []any{"id", p.ID, "remote", p.RemoteAddr,
		"reason", refusal.Reason, "cause", refusal.Cause, "more_before", kind.leftOut}
	if errors.Is(refusal.Cause, post.ErrTooLong) {
		arguments = append(arguments, "flag", "--max-post-bytes")
	}
	if errors.Is(refusal.Cause, forward.ErrTooLong) {
		arguments = append(arguments, "flag", "--forward-max-bytes")
	}
	l.log.Log(context.Background(), level, text, arguments...)
	*kind = refusalKind{silentUntil: time.Now().Add(l.interval)}
}

// occasional lets one of many equal log lines through in each interval.
type occasional struct {
	interval time.Duration

	mutex       sync.Mutex
	silentUntil time.Time
	leftOut     int
}

// due reports whether a line is due, and how many were left out before it.
func (o *occasional) due() (leftOut int, ok bool) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if time.Now().Before(o.silentUntil) {
		o.leftOut++
		return 0, false
	}
	leftOut, o.leftOut = o.leftOut, 0
	o.silentUntil = time.Now().Add(o.interval)
	return leftOut, true
}

// logObserver logs connections, unless quiet, and refusals.
func logObserver(log *slog.Logger, quiet bool) receiver.Observer {
	o := receiver.Observer{
		Closed:  func(p receiver.Peer, end receiver.End) { logClose(log, quiet, p, end) },
		Refused: newRefusalLog(log).note,
	}
	if !quiet {
		o.Opened = func(p receiver.Peer) { log.Info("connection opened", "id", p.ID, "remote", p.RemoteAddr) }
	}
	return o
}

// logClose logs the end of a connection; when quiet, only if the output failed,
// which concerns all connections.
func logClose(log *slog.Logger, quiet bool, p receiver.Peer, end receiver.End) {
	level := slog.LevelInfo
	if end.CloseCode == protocol.CloseInternalError {
		level = slog.LevelError
	} else if quiet {
		return
	}
	attributes := []any{"id", p.ID, "remote", p.RemoteAddr, "code", end.CloseCode,
		"cause", end.Cause, "messages", end.Messages, "records", end.Records, "duplicates", end.Duplicates, "bytes", end.Bytes, "refused", end.Refused}
	if long, ok := errors.AsType[*receiver.TooLongError](end.Cause); ok {
		attributes = append(attributes, "flag", "--max-message-bytes", "limit", long.Limit, "came", long.Bytes)
	}
	log.Log(context.Background(), level, "connection ended", attributes...)
}
