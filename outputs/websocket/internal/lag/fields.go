// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"reflect"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// keyed is what filestream puts into Event.Private.
type keyed interface{ Key() string }

// layout is where the private part of an event has what is needed. The types are
// Filebeat's own and have no methods for it.
type layout struct {
	id     int          // the field with the identity of the file, if there is no cursor
	cursor reflect.Type // the type of the cursor, nil if the struct has the place itself
	delta  int          // the field with the cursor
	offset int          // the field with the place behind the event
}

// layoutOf looks for the place in what filestream (a pointer to a struct with the field
// delta, whose value has the field Offset) and the log input (a struct with the fields Id
// and Offset) put into an event. It returns nil if there is none.
func layoutOf(private any) *layout {
	value := reflect.Indirect(reflect.ValueOf(private))
	if value.Kind() != reflect.Struct {
		return nil
	}
	l := &layout{}
	if delta, has := value.Type().FieldByName("delta"); has && delta.Type.Kind() == reflect.Interface && len(delta.Index) == 1 {
		l.delta = delta.Index[0]
		if value = value.Field(l.delta).Elem(); value.Kind() != reflect.Struct {
			return nil
		}
		l.cursor = value.Type()
	} else {
		id, has := value.Type().FieldByName("Id")
		if !has || id.Type.Kind() != reflect.String || len(id.Index) > 1 {
			return nil
		}
		l.id = id.Index[0]
	}
	offset, has := value.Type().FieldByName("Offset")
	if !has || offset.Type.Kind() != reflect.Int64 || len(offset.Index) > 1 {
		return nil
	}
	l.offset = offset.Index[0]
	return l
}

// placeOf returns what tells the files of a producer apart, empty if the private part of an
// event has not got it, and the place behind the event.
func (l *layout) placeOf(private any) (key string, end int64) {
	if l == nil {
		return "", 0
	}
	value := reflect.Indirect(reflect.ValueOf(private))
	if l.cursor == nil {
		return value.Field(l.id).String(), value.Field(l.offset).Int()
	}
	source, has := private.(keyed)
	if !has || !value.IsValid() {
		return "", 0
	}
	delta := value.Field(l.delta).Elem()
	if !delta.IsValid() || delta.Type() != l.cursor {
		return "", 0
	}
	return source.Key(), delta.Field(l.offset).Int()
}

// fields are what the fields of an event tell about the file it is from.
type fields struct {
	path, device, inode string
	start, end          int64 // the end is a guess: that of a line with a line feed
}

func fieldsOf(event *beat.Event) (f fields) {
	log := inner(event.Fields["log"])
	if log == nil {
		return f
	}
	in := inner(log["file"])
	f.path, _ = in["path"].(string)
	f.device, _ = in["device_id"].(string)
	f.inode, _ = in["inode"].(string)
	switch n := reflect.ValueOf(log["offset"]); {
	case !n.IsValid():
		f.path = ""
	case n.CanInt():
		f.start = n.Int()
	case n.CanUint():
		f.start = int64(n.Uint())
	}
	message, _ := event.Fields["message"].(string)
	f.end = f.start + int64(len(message)) + 1
	return f
}

// sameFile reports whether both are from the same file.
func (f *fields) sameFile(g *fields) bool {
	return f.path == g.path && f.inode == g.inode && f.device == g.device
}

func (f *fields) key() string {
	if f.path == "" {
		return ""
	}
	return f.device + "-" + f.inode + "-" + f.path
}

func inner(v any) map[string]any {
	switch m := v.(type) {
	case mapstr.M:
		return m
	case map[string]any:
		return m
	default:
		return nil
	}
}
