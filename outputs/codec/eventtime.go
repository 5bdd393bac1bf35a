// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// appendEventTime appends t as the EventTime of Fluent Forward: extension type 0
// with seconds and nanoseconds as big-endian numbers of 32 bits. A time that
// these have no room for, before 1970 or after 2106, is whole seconds as an
// integer, which receivers take as well.
func appendEventTime(dst []byte, t time.Time) []byte {
	seconds := t.Unix()
	if seconds < 0 || seconds > math.MaxUint32 {
		return msgp.AppendInt64(dst, seconds)
	}
	dst = append(dst, 0xD7, 0x00)
	dst = binary.BigEndian.AppendUint32(dst, uint32(seconds))
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond()))
}
