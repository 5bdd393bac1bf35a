// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// serveLumberjack reads what output.logstash sends without compression, counts it
// and discards it: windows "2W" count, each of "2J" number, length, JSON,
// answered by "2A" number. It decodes nothing, so that this server costs as little
// as the others.
func (s *sinks) serveLumberjack(conn net.Conn) error {
	reader := bufio.NewReaderSize(conn, 64<<10)
	var head [10]byte
	for {
		if _, err := io.ReadFull(reader, head[:6]); err != nil {
			return err
		}
		if string(head[:2]) != "2W" {
			return fmt.Errorf("lumberjack: %q where a window should begin", head[:2])
		}
		var number [4]byte
		for range binary.BigEndian.Uint32(head[2:]) {
			if _, err := io.ReadFull(reader, head[:]); err != nil {
				return err
			}
			if string(head[:2]) != "2J" {
				return fmt.Errorf("lumberjack: %q where an event should begin", head[:2])
			}
			copy(number[:], head[2:6])
			bytes := binary.BigEndian.Uint32(head[6:])
			if _, err := reader.Discard(int(bytes)); err != nil {
				return err
			}
			s.bytes.Add(int64(bytes))
		}
		if _, err := conn.Write(append([]byte("2A"), number[:]...)); err != nil {
			return err
		}
	}
}
