// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	humanize "github.com/dustin/go-humanize"
	"github.com/mitchellh/mapstructure"

	conf "github.com/elastic/elastic-agent-libs/config"
)

// readConfig decodes and checks the settings under output.websocket. Every
// error names the setting it is about.
func readConfig(cfg *conf.C) (*config, error) {
	settings := map[string]any{}
	if err := cfg.Unpack(&settings); err != nil {
		return nil, fmt.Errorf("output.websocket: %w", err)
	}
	c := defaultConfig()
	if err := readSections(cfg, settings, &c); err != nil {
		return nil, err
	}
	if err := resolveAliases(settings); err != nil {
		return nil, err
	}
	ofCodecs := c.Options.read(settings)
	if err := errors.Join(ofCodecs, decode(settings, &c, func(key string) string { return key })); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &c, nil
}

// readSections reads the sections of libbeat's own types, and removes them from
// settings.
func readSections(cfg *conf.C, settings map[string]any, c *config) error {
	value := reflect.ValueOf(c).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		key, options, _ := strings.Cut(field.Tag.Get("config"), ",")
		if _, set := settings[key]; !set || options != "ucfg" {
			continue
		}
		delete(settings, key)
		section, err := cfg.Child(key, -1)
		if err == nil {
			err = section.Unpack(value.FieldByIndex(field.Index).Addr().Interface())
		}
		if err != nil {
			return settingError(key, err)
		}
	}
	return nil
}

// resolveAliases replaces aliases by the names of their settings. Both may be set
// if their values are equal.
func resolveAliases(settings map[string]any) error {
	for field := range reflect.TypeFor[config]().Fields() {
		key, alias := field.Tag.Get("config"), field.Tag.Get("alias")
		other, set := settings[alias]
		if alias == "" || !set {
			continue
		}
		delete(settings, alias)
		if value, both := settings[key]; both && fmt.Sprint(value) != fmt.Sprint(other) {
			return settingError(key, fmt.Errorf("differs from its alias %s; set only one of them", alias))
		}
		settings[key] = other
	}
	return nil
}

// decode turns the map into the struct that into points to. Unknown keys are errors.
// setting returns the name of a key's setting, for errors.
func decode(settings map[string]any, into any, setting func(key string) string) error {
	var metadata mapstructure.Metadata
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           into,
		TagName:          "config",
		Metadata:         &metadata,
		WeaklyTypedInput: true, // "8080" from the environment is a number, one host is a list of hosts
		MatchName:        func(key, field string) bool { return key == field },
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			refuseLooseScalars,
			durationHook,
			byteSizeHook,
			permissionsHook,
		),
	})
	if err != nil {
		return fmt.Errorf("output.websocket: %w", err)
	}
	if err := decoder.Decode(settings); err != nil {
		return decodeError(err, setting)
	}
	if len(metadata.Unused) == 0 {
		return nil
	}
	slices.Sort(metadata.Unused)
	var problems []error
	for _, key := range metadata.Unused {
		problems = append(problems, settingError(setting(key), errors.New("unknown setting")))
	}
	return errors.Join(problems...)
}

// quotedSetting finds the name of a setting in an error of mapstructure.
var quotedSetting = regexp.MustCompile(`'([^']+)'`)

// decodeError names the setting whose value has the wrong type. It leaves out the
// value, which may be a secret.
func decodeError(err error, setting func(key string) string) error {
	all, ok := errors.AsType[*mapstructure.Error](err)
	if !ok {
		return fmt.Errorf("output.websocket: %w", err)
	}
	var problems []error
	for _, text := range all.Errors {
		text, _, _ = strings.Cut(text, ", value:")
		key := "?"
		if match := quotedSetting.FindStringSubmatch(text); match != nil {
			key = match[1]
			text = strings.TrimPrefix(text, "error decoding "+match[0]+": ")
		}
		problems = append(problems, settingError(setting(key), errors.New(text)))
	}
	return errors.Join(problems...)
}

// refuseLooseScalars refuses conversions that the weak typing should not allow,
// such as a boolean to a number, or 1.5 to an integer.
func refuseLooseScalars(from, to reflect.Type, value any) (any, error) {
	isNumber := func(kind reflect.Kind) bool { return kind >= reflect.Int && kind <= reflect.Float64 }
	switch {
	case from.Kind() == reflect.Bool && to.Kind() != reflect.Bool && to.Kind() != reflect.Interface:
		return nil, errors.New("must not be a boolean")
	case to.Kind() == reflect.Bool && isNumber(from.Kind()):
		return nil, errors.New("must be true or false")
	case from.Kind() == reflect.String && value == "" && (isNumber(to.Kind()) || to.Kind() == reflect.Bool):
		return nil, errors.New("is empty")
	case from.Kind() == reflect.Float64 && to.Kind() >= reflect.Int && to.Kind() <= reflect.Uint64 && to != reflect.TypeFor[time.Duration]():
		if number := reflect.ValueOf(value).Float(); number != math.Trunc(number) {
			return nil, errors.New("must be a whole number")
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

// byteSizeHook reads sizes with a unit, as everywhere in Beats: KiB is 1024
// bytes and KB 1000.
func byteSizeHook(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[byteSize]() || from.Kind() != reflect.String {
		return value, nil
	}
	text, _ := value.(string)
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return byteSize(number), nil
	}
	bytes, err := humanize.ParseBytes(text)
	if err != nil || bytes > math.MaxInt64 {
		return nil, fmt.Errorf("%q is not a size such as 1048576 or 1MiB", text)
	}
	return byteSize(bytes), nil
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
