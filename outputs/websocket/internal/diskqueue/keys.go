// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package diskqueue

import (
	"maps"
	"reflect"

	"github.com/elastic/elastic-agent-libs/mapstr"
)

// replacement is what an empty key becomes, repeated until no other key has that name.
const replacement = "_"

// named returns the map without empty keys at any depth, and how many there were.
// Only what changes is copied: parts of an event may belong to other events too.
func named[M ~map[string]V, V any](given M) (M, int) {
	result, count := given, 0
	own := func() {
		if count > 0 {
			return
		}
		result = make(M, len(given))
		maps.Copy(result, given)
	}
	for key, value := range given {
		inner, n := namedValue(value)
		if n == 0 {
			continue
		}
		own()
		count += n
		result[key], _ = inner.(V)
	}
	value, hasEmpty := result[""]
	if !hasEmpty {
		return result, count
	}
	own()
	count++
	name := replacement
	for {
		if _, taken := result[name]; !taken {
			break
		}
		name += replacement
	}
	delete(result, "")
	result[name] = value
	return result, count
}

func namedValue(value any) (any, int) {
	switch value := value.(type) {
	case nil, string, bool, int64, uint64, float64, int:
		return value, 0
	case mapstr.M:
		return named(value)
	case map[string]any:
		return named(value)
	case map[string]string:
		return named(value)
	case []any:
		return namedList(value)
	case []mapstr.M:
		return namedList(value)
	case []map[string]any:
		return namedList(value)
	}
	return namedByReflection(value)
}

func namedList[V any](given []V) ([]V, int) {
	result, count := given, 0
	for i, value := range given {
		inner, n := namedValue(value)
		if n == 0 {
			continue
		}
		if count == 0 {
			result = append([]V(nil), given...)
		}
		count += n
		result[i], _ = inner.(V)
	}
	return result, count
}

// namedByReflection is for the maps and lists of rarer types, which processors may
// leave in an event. They become maps and lists of any.
func namedByReflection(value any) (any, int) {
	v := reflect.ValueOf(value)
	switch {
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		general := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			general[key.String()] = v.MapIndex(key).Interface()
		}
		if result, n := named(general); n > 0 {
			return result, n
		}
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.Map, reflect.Slice, reflect.Interface, reflect.Array:
		default:
			return value, 0
		}
		general := make([]any, v.Len())
		for i := range general {
			general[i] = v.Index(i).Interface()
		}
		if result, n := namedList(general); n > 0 {
			return result, n
		}
	}
	return value, 0
}
