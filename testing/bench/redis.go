// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// serveRedis answers output.redis as a Redis server would, and discards what
// RPUSH brings: it costs less than a real server.
func (s *sinks) serveRedis(conn net.Conn) error {
	reader := bufio.NewReaderSize(conn, 64<<10)
	for {
		arguments, err := redisLength(reader, '*')
		if err != nil {
			return err
		}
		command := ""
		for i := range arguments {
			length, err := redisLength(reader, '$')
			if err != nil {
				return err
			}
			if i > 0 {
				_, err = reader.Discard(length + 2)
				s.bytes.Add(int64(length))
			} else {
				word := make([]byte, length+2)
				for at := 0; at < len(word) && err == nil; {
					var n int
					n, err = reader.Read(word[at:])
					at += n
				}
				command = strings.ToUpper(string(word[:length]))
			}
			if err != nil {
				return err
			}
		}
		answer := "+OK\r\n"
		switch command {
		case "INFO":
			const info = "redis_version:7.0.15\r\n"
			answer = fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
		case "RPUSH":
			answer = ":1\r\n"
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return err
		}
	}
}

var errNoRedis = errors.New("redis: not the Redis protocol")

// redisLength reads a line such as *3.
func redisLength(reader *bufio.Reader, kind byte) (int, error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 || line[0] != kind {
		return 0, errNoRedis
	}
	return strconv.Atoi(string(line[1 : len(line)-2]))
}
