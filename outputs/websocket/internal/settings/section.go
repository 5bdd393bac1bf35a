// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/elastic/go-ucfg"

	conf "github.com/elastic/elastic-agent-libs/config"
)

// Section is a section of the configuration whose settings are being read.
type Section struct {
	name   string // for errors
	Values map[string]any
}

// Open reads the section called name.
func Open(cfg *conf.C, name string) (*Section, error) {
	found := &variables{texts: map[string]string{}}
	values := map[string]any{}
	err := (*ucfg.Config)(cfg).Unpack(&values, ucfg.PathSep("."), ucfg.VarExp, ucfg.Resolve(found.resolve))
	if err != nil {
		return nil, unreadable(err, name)
	}
	found.replace(values)
	return &Section{name: name, Values: values}, nil
}

// Error adds the name of the setting to an error.
func (s *Section) Error(key string, err error) error {
	return fmt.Errorf("%s.%s: %w", s.name, key, err)
}

// unreadable names the setting that go-ucfg cannot read. Its errors quote values.
func unreadable(err error, section string) error {
	failure, ok := errors.AsType[ucfg.Error](err)
	if !ok {
		return fmt.Errorf("%s: cannot be read", section)
	}
	setting := failure.Path()
	if setting == "" {
		setting = section
	}
	if errors.Is(failure.Reason(), ucfg.ErrMissing) || strings.Contains(failure.Error(), ucfg.ErrMissing.Error()) {
		return fmt.Errorf("%s: a variable in it is not set, neither in the environment nor in the keystore", setting)
	}
	if errors.Is(failure.Reason(), ucfg.ErrCyclicReference) {
		return fmt.Errorf("%s: refers to itself", setting)
	}
	return fmt.Errorf("%s: cannot be read: put the whole value into one variable, such as ${NAME}", setting)
}

// Libbeats reads the fields with the tag option ucfg, whose types are libbeat's,
// with libbeat's library, and removes their settings from the values.
func (s *Section) Libbeats(into any) error {
	value := reflect.ValueOf(into).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		key, options, _ := strings.Cut(field.Tag.Get("config"), ",")
		given, set := s.Values[key]
		if !set || options != "ucfg" {
			continue
		}
		delete(s.Values, key)
		if _, isVariable := given.(variable); isVariable {
			return s.Error(key, errors.New("must be a map, which a variable cannot hold"))
		}
		if _, isList := given.([]any); isList {
			return s.Error(key, errors.New("must be a map, is a list")) // go-ucfg would read nothing of it
		}
		if path, found := numberForText(key, given, field.Type); found {
			return s.Error(path, errNumberForText)
		}
		if err := s.unknownIn(key, given, field.Type); err != nil {
			return err
		}
		// Without the option VarExp: the text of a variable may contain "${".
		whole, err := ucfg.NewFrom(map[string]any{key: forLibbeat(given, field.Type)}, ucfg.PathSep("."))
		if err != nil {
			return s.Error(key, errors.New("is not a map of settings"))
		}
		section, err := (*conf.C)(whole).Child(key, -1)
		if err == nil {
			err = section.Unpack(value.FieldByIndex(field.Index).Addr().Interface())
		}
		if err != nil {
			return s.Error(key, err)
		}
	}
	return nil
}

// forLibbeat returns value without variables: their lists where a list is wanted,
// else their texts, which go-ucfg converts to numbers and booleans.
func forLibbeat(value any, target reflect.Type) any {
	for target != nil && target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	switch value := value.(type) {
	case variable:
		switch {
		case target != nil && target.Kind() == reflect.Slice:
			return value.list()
		case target == nil && strings.Contains(value.text, ","):
			return value.list() // as go-ucfg reads it where the type is not known
		}
		return value.text
	case []any:
		var element reflect.Type
		if target != nil && target.Kind() == reflect.Slice {
			element = target.Elem()
		}
		for i, inner := range value {
			value[i] = forLibbeat(inner, element)
		}
	case map[string]any:
		for key, inner := range value {
			value[key] = forLibbeat(inner, typeOfKey(target, key))
		}
	}
	return value
}

// unknownIn refuses keys that a struct of libbeat's does not have. libbeat ignores them.
func (s *Section) unknownIn(key string, given any, target reflect.Type) error {
	for target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	values, isMap := given.(map[string]any)
	if !isMap || target.Kind() != reflect.Struct {
		return nil
	}
	known := keysOf(target)
	if len(known) == 0 {
		return nil // it reads itself
	}
	var problems []error
	for _, inner := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, inner) {
			problems = append(problems, s.Error(key+"."+inner, unknown(inner, known)))
		}
	}
	return errors.Join(problems...)
}

// numberForText looks for a number in the place of a text, and returns its path.
func numberForText(path string, value any, target reflect.Type) (string, bool) {
	for target != nil && target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	switch value := value.(type) {
	case nil:
	case []any:
		for i, inner := range value {
			if target != nil && target.Kind() == reflect.Slice {
				if found, is := numberForText(fmt.Sprintf("%s.%d", path, i), inner, target.Elem()); is {
					return found, true
				}
			}
		}
	case map[string]any:
		for key, inner := range value {
			if found, is := numberForText(path+"."+key, inner, typeOfKey(target, key)); is {
				return found, true
			}
		}
	default:
		if target != nil && target.Kind() == reflect.Slice {
			target = target.Elem() // one value is a list of one
		}
		return path, target != nil && target.Kind() == reflect.String && isNumber(reflect.TypeOf(value).Kind())
	}
	return "", false
}

// typeOfKey returns the type of a struct's field, nil if it is not known.
func typeOfKey(target reflect.Type, key string) reflect.Type {
	if target == nil || target.Kind() != reflect.Struct {
		return nil
	}
	for field := range target.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("config"), ",")
		if name == key && name != "" {
			return field.Type
		}
		if strings.Contains(options, "inline") {
			if found := typeOfKey(field.Type, key); found != nil {
				return found
			}
		}
	}
	return nil
}

// ResolveAliases replaces the aliases in the tags of into by the names of their
// settings. Both may be set if their values are equal.
func (s *Section) ResolveAliases(into any) error {
	for field := range reflect.TypeOf(into).Elem().Fields() {
		key, alias := field.Tag.Get("config"), field.Tag.Get("alias")
		other, set := s.Values[alias]
		if alias == "" || !set {
			continue
		}
		delete(s.Values, alias)
		if value, both := s.Values[key]; both && textOf(value) != textOf(other) {
			return s.Error(key, fmt.Errorf("differs from its alias %s; set only one of them", alias))
		}
		s.Values[key] = other
	}
	return nil
}
