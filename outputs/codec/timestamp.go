// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"time"

	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/beats/v7/libbeat/common/dtfmt"
)

// millisecondFormat is libbeat's default for times, in the words of dtfmt.
const millisecondFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"

// timeFormat writes times in UTC as libbeat does, with the precision that the
// setting timestamp.precision had when the codec was made.
type timeFormat struct {
	formatter    *dtfmt.Formatter
	milliseconds bool
}

func newTimeFormat() timeFormat {
	format := common.TimestampFormat(false)
	return timeFormat{
		formatter:    dtfmt.MustNewFormatter(format),
		milliseconds: format == millisecondFormat,
	}
}

// append appends t without quotes. The text needs no escapes in JSON.
func (f timeFormat) append(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if !f.milliseconds || year < 0 || year > 9999 {
		// libbeat's own formatter, because what it writes for such a year follows no
		// rule. Its formats hold only numbers and literals, so formatting can't fail.
		dst, _ = f.formatter.AppendTo(dst, t)
		return dst
	}
	hour, minute, second := t.Clock()
	millisecond := t.Nanosecond() / int(time.Millisecond)

	dst = appendTwoDigits(dst, year/100)
	dst = appendTwoDigits(dst, year%100)
	dst = append(dst, '-')
	dst = appendTwoDigits(dst, int(month))
	dst = append(dst, '-')
	dst = appendTwoDigits(dst, day)
	dst = append(dst, 'T')
	dst = appendTwoDigits(dst, hour)
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, minute)
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, second)
	dst = append(dst, '.', digits[millisecond/100])
	dst = appendTwoDigits(dst, millisecond%100)
	return append(dst, 'Z')
}

func appendTwoDigits(dst []byte, n int) []byte {
	return append(dst, digits[n/10], digits[n%10])
}
