// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// unknown is the error for a key that no setting has. It suggests the most similar
// of the known keys, if there is one.
func unknown(key string, known []string) error {
	last := key[strings.LastIndex(key, ".")+1:]
	best, smallest := "", 1+len(last)/3 // a third may differ
	for _, candidate := range known {
		if n := distance(last, candidate); n <= smallest && (best == "" || n < smallest) {
			best, smallest = candidate, n
		}
	}
	if best == "" {
		return errors.New("unknown setting")
	}
	return fmt.Errorf("unknown setting; did you mean %s?", best)
}

// distance returns the number of letters to insert, remove, replace or swap with
// the next one that turns a into b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// keysBeside returns the keys and aliases of the struct that a dotted key belongs
// to.
func keysBeside(into any, key string) (keys []string) {
	target := reflect.TypeOf(into).Elem()
	parts := strings.Split(key, ".")
	for _, part := range parts[:len(parts)-1] {
		if target = typeOfKey(target, part); target == nil {
			return nil
		}
	}
	if target.Kind() != reflect.Struct {
		return nil
	}
	return keysOf(target)
}

// keysOf returns the keys and aliases of a struct.
func keysOf(target reflect.Type) (keys []string) {
	for field := range target.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("config"), ",")
		if strings.Contains(options, "inline") && field.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(field.Type)...)
			continue
		}
		for _, key := range []string{name, field.Tag.Get("alias")} {
			if key != "" && key != "-" {
				keys = append(keys, key)
			}
		}
	}
	return keys
}
