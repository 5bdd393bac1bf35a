// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/go-structform"
	"github.com/elastic/go-structform/gotype"
	structjson "github.com/elastic/go-structform/json"
)

// folder writes values of any Go type with the library of libbeat's JSON codec, set
// up the same way. Making one costs several microseconds, so an Encoder makes it
// for the first such value.
type folder struct {
	iterator *gotype.Iterator
	out      appendWriter
	finite   typeSet
}

// appendWriter lets a writer of small pieces append to a slice.
type appendWriter struct{ buf []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func newFolder(times timeFormat) *folder {
	f := &folder{finite: typeSet{}}
	visitor := structjson.NewVisitor(&f.out)
	visitor.SetEscapeHTML(false)
	visitor.SetIgnoreInvalidFloat(true)

	foldTime := func(t *time.Time, v structform.ExtVisitor) error {
		if t == nil {
			return v.OnNil()
		}
		return v.OnStringRef(times.append(nil, *t))
	}
	foldCommonTime := func(t *common.Time, v structform.ExtVisitor) error {
		return foldTime((*time.Time)(t), v)
	}
	iterator, err := gotype.NewIterator(visitor, gotype.Folders(foldTime, foldCommonTime))
	if err != nil {
		// It refuses only functions with a wrong signature, and these two are fixed.
		panic(err)
	}
	f.iterator = iterator
	return f
}

// append appends v, which stands at the given depth of its event. After an error
// the folder must not be used again: the visitor has lost count of its brackets.
func (f *folder) append(dst []byte, v any, depth int) (extended []byte, err error) {
	defer func() {
		f.out.buf = nil
		if recover() != nil {
			// The methods of the value run here (Fold, IsZero).
			extended, err = dst, valueError("panic while writing", v)
		}
	}()

	// The library has no limit of depth, and Go cannot recover from a stack overflow.
	if err := f.finite.check(reflect.ValueOf(v), depth); err != nil {
		return dst, encodeError(err)
	}
	f.out.buf = dst
	if err := f.iterator.Fold(v); err != nil {
		// The library's error is left out: a Fold method may have put anything
		// into it.
		return dst, valueError("no way to write", v)
	}
	if !json.Valid(f.out.buf[len(dst):]) {
		// A Fold method that writes no value, or two, or leaves an object open.
		return dst, valueError("cannot make JSON of", v)
	}
	return f.out.buf, nil
}

func valueError(problem string, v any) *DropError {
	return encodeError(fmt.Errorf("%s a value of type %T", problem, v))
}

var (
	errTooDeep       = errors.New("the event is nested too deeply, or contains itself")
	errRecursiveType = errors.New("a value's type contains itself")
)

// typeSet remembers for every type it has seen whether the library can write it: a
// type that contains itself sends the library into endless recursion.
type typeSet map[reflect.Type]bool

// check walks v as the library will and fails at maxDepth.
func (s typeSet) check(v reflect.Value, depth int) error {
	if !v.IsValid() {
		return nil
	}
	if !s.finite(v.Type(), nil) {
		return errRecursiveType
	}
	return s.checkValue(v, depth)
}

func (s typeSet) checkValue(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if isLeaf(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Interface:
		return s.check(v.Elem(), depth+1)
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return s.checkValue(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if isScalar(v.Type().Elem().Kind()) {
			return nil
		}
		for i := range v.Len() {
			if err := s.checkValue(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		if isScalar(v.Type().Elem().Kind()) {
			return nil
		}
		for entries := v.MapRange(); entries.Next(); {
			if err := s.checkValue(entries.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !isWritten(v.Type().Field(i)) {
				continue
			}
			if err := s.checkValue(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// finite reports whether t is free of itself. above are the types that led to t.
func (s typeSet) finite(t reflect.Type, above []reflect.Type) bool {
	if known, seen := s[t]; seen {
		return known
	}
	if slices.Contains(above, t) {
		return false
	}
	ok := true
	if !isLeaf(t) {
		above = append(above, t)
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			ok = s.finite(t.Elem(), above)
		case reflect.Struct:
			for field := range t.Fields() {
				ok = ok && (!isWritten(field) || s.finite(field.Type, above))
			}
		}
	}
	s[t] = ok
	return ok
}

var (
	timeType       = reflect.TypeFor[time.Time]()
	commonTimeType = reflect.TypeFor[common.Time]()
	folderType     = reflect.TypeFor[gotype.Folder]()
)

// isLeaf reports whether the library writes values of type t without looking
// inside.
func isLeaf(t reflect.Type) bool {
	return isScalar(t.Kind()) || t == timeType || t == commonTimeType ||
		t.Implements(folderType) || reflect.PointerTo(t).Implements(folderType)
}

// isWritten reports whether the library writes the field of a struct.
func isWritten(field reflect.StructField) bool {
	name, options, _ := strings.Cut(field.Tag.Get("struct"), ",")
	return field.IsExported() && name != "-" && !slices.Contains(strings.Split(options, ","), "omit")
}

func isScalar(k reflect.Kind) bool {
	switch k {
	case reflect.Array, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.Struct:
		return false
	default:
		return true
	}
}
