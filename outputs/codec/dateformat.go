// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// jsonOptions are the options of the json codec: Fluent Bit's date field, in
// the place of @timestamp and @metadata. By default there is none.
type jsonOptions struct {
	// Key is the name of the date field, empty for none.
	Key string `config:"json_date_key" shared:"true"`
	// Format is double, epoch, epoch_ms (epoch_millis, epoch_milliseconds), iso8601
	// or java_sql_timestamp, in upper or lower case. Empty is double, as in Fluent
	// Bit; the ltsv codec takes iso8601.
	Format string `config:"json_date_format" shared:"true"`
}

// Validate returns an error for every setting that can't be used, with its name.
func (o *jsonOptions) Validate() error {
	_, err := parseDateFormat(o.Format, dateDouble)
	if o.Key == "" && o.Format != "" {
		err = errors.Join(err, errors.New("json_date_format: needs json_date_key, the name of the field"))
	}
	return err
}

// dateFormat is one of Fluent Bit's formats of a date.
type dateFormat int

const (
	dateDouble dateFormat = iota
	dateEpoch
	dateEpochMilliseconds
	dateISO8601
	dateJavaSQL
)

var dateFormats = map[string]dateFormat{
	"double":             dateDouble,
	"epoch":              dateEpoch,
	"epoch_ms":           dateEpochMilliseconds,
	"epoch_millis":       dateEpochMilliseconds,
	"epoch_milliseconds": dateEpochMilliseconds,
	"iso8601":            dateISO8601,
	"java_sql_timestamp": dateJavaSQL,
}

// parseDateFormat returns the format of that name, unset for an empty name.
func parseDateFormat(name string, unset dateFormat) (dateFormat, error) {
	if name == "" {
		return unset, nil
	}
	format, known := dateFormats[strings.ToLower(name)]
	if !known {
		return 0, fmt.Errorf("json_date_format: unknown format %q, known are double, epoch, epoch_ms, iso8601, java_sql_timestamp", name)
	}
	return format, nil
}

// isText reports whether JSON needs quotes around the date.
func (f dateFormat) isText() bool { return f == dateISO8601 || f == dateJavaSQL }

// append appends t without quotes. Digits that the format has no room for are cut;
// dateDouble rounds to 16 digits.
func (f dateFormat) append(dst []byte, t time.Time) []byte {
	t = t.UTC()
	switch f {
	case dateEpoch:
		return strconv.AppendInt(dst, t.Unix(), 10)
	case dateEpochMilliseconds:
		return strconv.AppendInt(dst, t.UnixMilli(), 10)
	case dateISO8601:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	case dateJavaSQL:
		return t.AppendFormat(dst, "2006-01-02 15:04:05.000000")
	default:
		return appendDoubleDate(dst, t)
	}
}

// appendDoubleDate appends seconds as C's %.1f if they are whole, else as %.16g.
func appendDoubleDate(dst []byte, t time.Time) []byte {
	seconds := float64(t.Unix()) + float64(t.Nanosecond())/1e9
	if seconds == float64(int64(seconds)) {
		return strconv.AppendFloat(dst, seconds, 'f', 1, 64)
	}
	return strconv.AppendFloat(dst, seconds, 'g', 16, 64)
}
