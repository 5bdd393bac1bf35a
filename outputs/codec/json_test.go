// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/go-structform"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/sharedfields"
)

type (
	failingFolder   string
	panickingFolder string
	silentFolder    struct{}
	doubleFolder    struct{}
	unclosedFolder  struct{}

	recursiveList []recursiveList
	indirect      struct{ Children map[string]*indirect }
)

func (f failingFolder) Fold(structform.ExtVisitor) error   { return errors.New(string(f)) }
func (f panickingFolder) Fold(structform.ExtVisitor) error { panic(string(f)) }
func (silentFolder) Fold(structform.ExtVisitor) error      { return nil }
func (doubleFolder) Fold(v structform.ExtVisitor) error {
	return errors.Join(v.OnInt(1), v.OnString("two"))
}

func (unclosedFolder) Fold(v structform.ExtVisitor) error {
	return v.OnObjectStart(-1, structform.AnyType)
}

func jsonRecord(t *testing.T, event *beat.Event) string {
	t.Helper()
	record, err := newTestEncoder(t, "json").Append(nil, event)
	require.NoError(t, err)
	decodeJSON(t, record)
	return string(record)
}

func TestJSONStartsWithTimeAndMetadata(t *testing.T) {
	at := time.Date(2021, 2, 5, 23, 17, 9, 123456789, time.FixedZone("", 3600))
	start := `{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"`

	require.Equal(t, start+`}}`, jsonRecord(t, &beat.Event{Timestamp: at}))
	require.Equal(t, start+`,"_id":"a\"b"},"message":"x"}`, jsonRecord(t, &beat.Event{
		Timestamp: at, Meta: mapstr.M{"_id": `a"b`}, Fields: mapstr.M{"message": "x"},
	}))
}

func TestJSONFieldWithANameOfItsOwnComesLast(t *testing.T) {
	record := jsonRecord(t, &beat.Event{Meta: mapstr.M{"version": "other"}, Fields: mapstr.M{"@timestamp": "mine"}})
	require.True(t, strings.HasSuffix(record, `"version":"9.0.0","version":"other"},"@timestamp":"mine"}`), record)
}

func TestJSONWritesANilTimePointerAsNull(t *testing.T) {
	for description, v := range map[string]any{
		"of the standard library": (*time.Time)(nil),
		"of Beats":                (*common.Time)(nil),
		"in a struct":             struct{ At *time.Time }{},
		"in a list":               []*common.Time{nil},
	} {
		t.Run(description, func(t *testing.T) {
			require.Contains(t, jsonRecord(t, &beat.Event{Fields: mapstr.M{"field": v}}), "null")
		})
	}
}

func nest(levels int, wrap func(any) any) any {
	var v any = "bottom"
	for range levels {
		v = wrap(v)
	}
	return v
}

func TestJSONDropsWhatHasNoEnd(t *testing.T) {
	object := mapstr.M{}
	object["self"] = object
	list := make([]any, 1)
	list[0] = list
	shared := mapstr.M{}
	shared["one"], shared["two"] = shared, shared
	var pointed any
	pointed = &pointed
	inStruct := &tagged{}
	inStruct.Any = inStruct
	loop := &recursive{}
	loop.Next = loop
	mapInMap := map[string]mapstr.M{"a": {}}
	mapInMap["a"]["b"] = mapInMap

	for description, v := range map[string]any{
		"an object in itself":             object,
		"a list in itself":                list,
		"an object in itself, twice":      shared,
		"a pointer to itself":             pointed,
		"a struct in its own field":       inStruct,
		"maps of a rare type in a circle": mapInMap,
		"a type that contains itself":     recursive{},
		"a pointer in itself":             loop,
		"a list type of itself":           recursiveList{nil},
		"a type in a map of itself":       indirect{},
		"a recursive type in an any":      struct{ Any any }{Any: recursive{}},
		"too many objects":                nest(maxDepth+1, func(v any) any { return mapstr.M{"deeper": v} }),
		"too many lists":                  nest(maxDepth+1, func(v any) any { return []any{v} }),
		"too many objects of a rare type": nest(maxDepth+1, func(v any) any { return namedMap{"deeper": v} }),
		"too many rare and usual objects": nest(maxDepth/2+1, func(v any) any { return mapstr.M{"deeper": namedMap{"deeper": v}} }),
		"too many pointers":               nest(maxDepth+1, func(v any) any { return &v }),
	} {
		t.Run(description, func(t *testing.T) {
			requireDrop(t, newTestEncoder(t, "json"), &beat.Event{Fields: mapstr.M{"field": v}}, ReasonEncode)
			requireDrop(t, newTestEncoder(t, "json"), &beat.Event{Meta: mapstr.M{"field": v}}, ReasonEncode)
		})
	}
}

func TestJSONTakesDeepValues(t *testing.T) {
	reference := newLibbeatJSON()
	for description, wrap := range map[string]func(any) any{
		"objects":              func(v any) any { return mapstr.M{"deeper": v} },
		"lists":                func(v any) any { return []any{v} },
		"objects in a list":    func(v any) any { return []mapstr.M{{"deeper": v}} },
		"objects of rare type": func(v any) any { return namedMap{"deeper": v} },
	} {
		t.Run(description, func(t *testing.T) {
			event := &beat.Event{Fields: mapstr.M{"field": nest(maxDepth/2-2, wrap)}}
			expected, err := reference.Encode(testInfo.Beat, event)
			require.NoError(t, err)
			record, err := newTestEncoder(t, "json").Append(nil, event)
			require.NoError(t, err)
			require.Equal(t, string(expected), string(record))
		})
	}
}

func TestJSONSurvivesValuesWithMethodsThatMisbehave(t *testing.T) {
	for description, v := range map[string]any{
		"fails":                    failingFolder("x"),
		"panics":                   panickingFolder("x"),
		"panics in a list":         []panickingFolder{"x"},
		"nil of a value's methods": (*failingFolder)(nil),
		"writes nothing":           silentFolder{},
		"writes twice":             doubleFolder{},
		"leaves an object open":    unclosedFolder{},
	} {
		t.Run(description, func(t *testing.T) {
			encoder := newTestEncoder(t, "json")
			good := &beat.Event{Fields: mapstr.M{"field": stringer{Name: "n"}}}
			before, err := encoder.Append(nil, good)
			require.NoError(t, err)

			requireDrop(t, encoder, &beat.Event{Fields: mapstr.M{"field": v}}, ReasonEncode)

			after, err := encoder.Append(nil, good)
			require.NoError(t, err)
			require.Equal(t, string(before), string(after))
		})
	}
}

// A receiver sees no difference.
func TestAnIDBesideAnEventIsWrittenAsOneInItsMetadata(t *testing.T) {
	const id = "a-22-characters-long_1"
	for name, shared := range map[string]*sharedfields.Fields{
		"an event":      nil,
		"shared fields": sharedfields.New(mapstr.M{"agent": mapstr.M{"name": "shipper-1"}}),
	} {
		t.Run(name, func(t *testing.T) {
			event := &beat.Event{Meta: mapstr.M{idField: id}, Fields: mapstr.M{"message": "hello"}}
			encoder, ok := newTestEncoder(t, "json").(Identifying)
			require.True(t, ok)
			expected, err := encoder.Append(nil, event)
			if shared != nil {
				expected, err = encoder.AppendShared(nil, event, shared)
			}
			require.NoError(t, err)
			event.Meta = nil
			got, err := encoder.AppendIdentified(nil, event, shared, []byte(id))
			require.NoError(t, err)
			require.Equal(t, string(expected), string(got))
			require.Contains(t, string(got), `"_id":"`+id+`"`)
		})
	}
}
