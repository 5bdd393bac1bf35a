// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	humanize "github.com/dustin/go-humanize"
)

// Bytes is a number of bytes that may be written with a unit, such as 1MiB.
type Bytes int64

// variableHook reads a variable as what its setting holds.
func variableHook(_, to reflect.Type, value any) (any, error) {
	v, isVariable := value.(variable)
	if !isVariable {
		return value, nil
	}
	switch to.Kind() {
	case reflect.String:
		return v.text, nil
	case reflect.Slice:
		return v.list(), nil
	case reflect.Map, reflect.Struct:
		return nil, errors.New("must be a map, which a variable cannot hold")
	case reflect.Interface:
		return v.parsed(), nil
	}
	parsed := v.parsed()
	text, isText := parsed.(string)
	if !isText {
		return parsed, nil
	}
	for _, read := range []func(from, to reflect.Type, value any) (any, error){durationHook, bytesHook, permissionsHook} {
		if value, err := read(reflect.TypeFor[string](), to, text); err == nil && value != any(text) {
			return text, nil // that hook will read it
		}
	}
	return nil, errors.New("the value of the variable is of another kind") // and perhaps a secret
}

// listHook lets a variable inside a list of texts stand for several entries, as it
// may in the place of the list.
func listHook(_, to reflect.Type, value any) (any, error) {
	given, isList := value.([]any)
	if !isList || to.Kind() != reflect.Slice || to.Elem().Kind() != reflect.String {
		return value, nil
	}
	entries := make([]any, 0, len(given))
	for _, entry := range given {
		if v, isVariable := entry.(variable); isVariable {
			entries = append(entries, v.list()...)
			continue
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// dottedHook joins names with dots, such as X.Tenant, in a map of texts. libbeat
// reads {X.Tenant: a} as {X: {Tenant: a}}.
func dottedHook(_, to reflect.Type, value any) (any, error) {
	given, isMap := value.(map[string]any)
	if !isMap || to.Kind() != reflect.Map || to.Elem().Kind() != reflect.String {
		return value, nil
	}
	joined := map[string]any{}
	return joined, join(joined, "", given)
}

func join(joined map[string]any, prefix string, values map[string]any) error {
	for key, value := range values {
		key = prefix + key
		switch value := value.(type) {
		case map[string]any:
			if err := join(joined, key+".", value); err != nil {
				return err
			}
			continue
		case []any:
			return fmt.Errorf("%s is a list, or has a number behind a dot in its name; such names cannot be set", key)
		}
		joined[key] = value
	}
	return nil
}

// errNumberForText is for a number in the place of a text. YAML has made 83 of 0123 by
// then, and 100000 of 1e5, and what was written cannot be known any more.
var errNumberForText = errors.New("is a number for YAML, and must be a text: put it in quotes")

var errOutOfRange = errors.New("is out of range")

func isNumber(kind reflect.Kind) bool { return kind >= reflect.Int && kind <= reflect.Float64 }

// refuseLooseScalars refuses conversions that the weak typing should not allow,
// such as a boolean to a number, or 1.5 to an integer.
func refuseLooseScalars(from, to reflect.Type, value any) (any, error) {
	switch {
	case to.Kind() == reflect.String && isNumber(from.Kind()):
		return nil, errNumberForText
	case from.Kind() == reflect.Bool && to.Kind() != reflect.Bool && to.Kind() != reflect.Interface:
		return nil, errors.New("must not be a boolean")
	case to.Kind() == reflect.Bool && isNumber(from.Kind()):
		return nil, errors.New("must be true or false")
	case from.Kind() == reflect.String && value == "" && (isNumber(to.Kind()) || to.Kind() == reflect.Bool):
		return nil, errors.New("is empty")
	case from.Kind() == reflect.Float64 && to.Kind() >= reflect.Int && to.Kind() <= reflect.Uint64 && to != reflect.TypeFor[time.Duration]():
		switch number := reflect.ValueOf(value).Float(); {
		case number != math.Trunc(number):
			return nil, errors.New("must be a whole number")
		case math.Abs(number) >= math.MaxInt64:
			return nil, errOutOfRange
		}
	case from.Kind() == reflect.Uint64 && to.Kind() >= reflect.Int && to.Kind() <= reflect.Int64 && to != reflect.TypeFor[time.Duration]():
		if reflect.ValueOf(value).Uint() > math.MaxInt64 {
			return nil, errOutOfRange
		}
	}
	return value, nil
}

// durationHook reads durations. A bare number is seconds.
func durationHook(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	switch v := reflect.ValueOf(value); {
	case from.Kind() == reflect.String:
		if seconds, err := strconv.ParseFloat(v.String(), 64); err == nil {
			return secondsToDuration(seconds)
		}
		d, err := time.ParseDuration(v.String())
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration such as 30s or 1m", v.String())
		}
		return d, nil
	case v.CanInt():
		return secondsToDuration(float64(v.Int()))
	case v.CanUint():
		return secondsToDuration(float64(v.Uint()))
	case v.CanFloat():
		return secondsToDuration(v.Float())
	default:
		return nil, errors.New("must be a duration such as 30s or 1m")
	}
}

func secondsToDuration(seconds float64) (time.Duration, error) {
	if math.IsNaN(seconds) || math.Abs(seconds) > math.MaxInt64/float64(time.Second) {
		return 0, errors.New("is out of range for a duration")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// bytesHook reads sizes with a unit, as everywhere in Beats: KiB is 1024
// bytes and KB 1000.
func bytesHook(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[Bytes]() || from.Kind() != reflect.String {
		return value, nil
	}
	text, _ := value.(string)
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Bytes(number), nil
	}
	bytes, err := humanize.ParseBytes(text)
	if err != nil || bytes > math.MaxInt64 {
		return nil, fmt.Errorf("%q is not a size such as 1048576 or 1MiB", text)
	}
	return Bytes(bytes), nil
}

// permissionsHook reads file permissions that are written as a string. YAML reads
// 0600 without quotes as an octal number.
func permissionsHook(from, to reflect.Type, value any) (any, error) {
	if to.Kind() != reflect.Uint32 || from.Kind() != reflect.String {
		return value, nil
	}
	text, _ := value.(string)
	permissions, err := strconv.ParseUint(text, 8, 32)
	if err != nil {
		return nil, fmt.Errorf("%q is not a file permission such as 0600", text)
	}
	return permissions, nil
}
