// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/go-structform"
)

// Kinds of values that processors and inputs put into events, or could.
type (
	namedString string
	namedInt    int32
	namedFloat  float32
	namedBool   bool
	namedMap    map[string]any
	namedList   []any
	namedBytes  []byte

	stringer struct{ Name string }

	tagged struct {
		Plain     string
		Renamed   int `struct:"other_name"`
		Left      string
		Empty     string         `struct:"empty,omitempty"`
		Skipped   chan int       `struct:"-"`
		Unseen    *recursive     `struct:"-"`
		Omitted   *recursive     `struct:",omit"`
		Inlined   map[string]any `struct:",inline"`
		At        time.Time
		Pointer   *float64
		Any       any
		hidden    string
		ErrorKind error
	}

	recursive struct{ Next *recursive }

	folding struct{ text string }
)

func (s stringer) String() string { return "stringer " + s.Name }

func (f folding) Fold(v structform.ExtVisitor) error {
	if f.text == "" {
		return errors.New("nothing to fold")
	}
	if err := v.OnObjectStart(-1, structform.AnyType); err != nil {
		return err
	}
	if err := v.OnKey("folded"); err != nil {
		return err
	}
	if err := v.OnString(f.text); err != nil {
		return err
	}
	return v.OnObjectFinished()
}

// generator makes events of every value kind from one seed.
type generator struct {
	*rand.Rand
	// unwritable lets it use values that libbeat's codec fails on.
	unwritable bool
}

var awkwardPieces = []string{
	"", "plain", "with space", "\"quoted\"", `back\slash`, "tab\there", "line\nbreak\r\n", "\x00\x01\x1f\x7f", "<b>&amp;</b>",
	"\u2028", "\u2029", "grüße", "日本語のログ", "🙂", "\xff", "\xc3", "\xe2\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", "\ufeff", "eight888", "sixteen characte",
}

func (g *generator) text() string {
	var text strings.Builder
	for range g.IntN(5) {
		text.WriteString(awkwardPieces[g.IntN(len(awkwardPieces))])
	}
	return text.String()
}

// keys never become the same key once their invalid bytes are replaced: which
// one of two equal keys comes last is up to the order of the map.
func (g *generator) key(position int) string {
	return fmt.Sprintf("%s%d", g.text(), position)
}

func (g *generator) object(depth int) map[string]any {
	m := map[string]any{}
	for position := range g.IntN(6) {
		m[g.key(position)] = g.value(depth + 1)
	}
	return m
}

func (g *generator) list(depth int) []any {
	list := make([]any, g.IntN(4))
	for i := range list {
		list[i] = g.value(depth + 1)
	}
	return list
}

func (g *generator) time() time.Time {
	zones := []*time.Location{time.UTC, time.FixedZone("east", 9*3600+1800), time.FixedZone("west", -11*3600)}
	var seconds int64
	switch g.IntN(4) {
	case 0:
		seconds = g.Int64N(2 << 32)
	case 1: // years 0 to 9999
		seconds = g.Int64N(315569520000) - 62167219200
	case 2: // about 30,000 years each way
		seconds = g.Int64N(2e12) - 1e12
	default:
		return time.Time{}
	}
	return time.Unix(seconds, g.Int64N(1e9)).In(zones[g.IntN(len(zones))])
}

func (g *generator) float() float64 {
	special := []float64{0, math.Copysign(0, -1), 1, 1e6, 1e20, 1e21, 1e-7, 0.1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}
	if g.IntN(2) == 0 {
		return special[g.IntN(len(special))]
	}
	return math.Float64frombits(g.Uint64())
}

func (g *generator) signed() int64 {
	special := []int64{0, -1, 9, 10, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, 1 << 53, 1<<53 + 1}
	if g.IntN(2) == 0 {
		return special[g.IntN(len(special))]
	}
	return int64(g.Uint64())
}

func (g *generator) unsigned() uint64 {
	special := []uint64{0, 1, math.MaxUint64, math.MaxUint64 - 1, 1 << 63, 1<<63 - 1}
	if g.IntN(2) == 0 {
		return special[g.IntN(len(special))]
	}
	return g.Uint64()
}

const maxGeneratedDepth = 5

func (g *generator) value(depth int) any {
	kinds := g.scalars()
	if depth < maxGeneratedDepth {
		kinds = append(kinds, g.nested(depth)...)
	}
	if g.unwritable && g.IntN(20) == 0 {
		kinds = g.unwritables()
	}
	return kinds[g.IntN(len(kinds))]()
}

func (g *generator) scalars() []func() any {
	return []func() any{
		func() any { return nil },
		func() any { return g.text() },
		func() any { return g.text() + g.text() },
		func() any { return g.IntN(2) == 0 },
		func() any { return g.signed() },
		func() any { return int(g.signed()) },
		func() any { return int8(g.signed()) },
		func() any { return int16(g.signed()) },
		func() any { return int32(g.signed()) },
		func() any { return g.unsigned() },
		func() any { return uint(g.unsigned()) },
		func() any { return uint8(g.unsigned()) },
		func() any { return uint16(g.unsigned()) },
		func() any { return uint32(g.unsigned()) },
		func() any { return g.float() },
		func() any { return float32(g.float()) },
		func() any { return g.time() },
		func() any { return common.Time(g.time()) },
		func() any { return new(g.time()) },
		func() any { return new(common.Time(g.time())) },
		func() any { return time.Duration(g.signed()) },
		func() any { return json.Number("12345678901234567890.5") },
		func() any { return []byte(g.text()) },
		func() any { return []string{g.text(), g.text()} },
		func() any { return []string(nil) },
		func() any { return []any(nil) },
		func() any { return mapstr.M(nil) },
		func() any { return map[string]any(nil) },
		func() any { return []mapstr.M(nil) },
		func() any { return (*string)(nil) },
		func() any { return []bool{true, false} },
		func() any { return []int{int(g.signed()), 2} },
		func() any { return []int64{g.signed()} },
		func() any { return []int8{int8(g.signed())} },
		func() any { return []uint64{g.unsigned()} },
		func() any { return []uint16{uint16(g.unsigned())} },
		func() any { return []float64{g.float(), g.float()} },
		func() any { return []float32{float32(g.float())} },
		func() any { return []time.Time{g.time(), g.time()} },
		func() any { return []time.Duration{time.Duration(g.signed())} },
		func() any { return [3]int{1, 2, 3} },
		func() any { return map[string]string{g.key(0): g.text(), g.key(1): g.text()} },
		func() any { return map[string]string(nil) },
		func() any { return map[string]int{g.key(0): int(g.signed())} },
		func() any { return map[string]float64{g.key(0): g.float()} },
		func() any { return map[string]time.Time{g.key(0): g.time()} },
		func() any { return map[namedString]int{namedString(g.key(0)): 4} },
		func() any { return namedString(g.text()) },
		func() any { return namedInt(g.signed()) },
		func() any { return namedFloat(g.float()) },
		func() any { return namedBool(true) },
		func() any { return namedBytes(g.text()) },
		func() any { return errors.New(g.text()) },
		func() any { return fmt.Errorf("wrapped: %w", net.ErrClosed) },
		func() any { return stringer{Name: g.text()} },
		func() any { return &stringer{Name: g.text()} },
		func() any { return net.IPv4(192, 0, 2, 7) },
		func() any { return &url.URL{Scheme: "https", Host: g.text()} },
		func() any { return big.NewInt(g.signed()) },
		func() any { return new(g.text()) },
		func() any { return new(new(g.signed())) },
		func() any { return folding{text: "x" + g.text()} },
		func() any { return &folding{text: "x" + g.text()} },
		func() any { return struct{}{} },
	}
}

func (g *generator) nested(depth int) []func() any {
	return []func() any{
		func() any { return mapstr.M(g.object(depth)) },
		func() any { return mapstr.M(g.object(depth)) },
		func() any { return mapstr.M(g.object(depth)) },
		func() any { return g.object(depth) },
		func() any { return g.list(depth) },
		func() any { return []mapstr.M{g.object(depth), nil, g.object(depth)} },
		func() any { return []map[string]any{g.object(depth), nil} },
		func() any { return map[string]mapstr.M{g.key(0): g.object(depth), g.key(1): nil} },
		func() any { return map[string][]string{g.key(0): {g.text()}} },
		func() any { return namedMap(g.object(depth)) },
		func() any { return namedList(g.list(depth)) },
		func() any { return new(mapstr.M(g.object(depth))) },
		func() any { return []any{g.list(depth), g.list(depth)} },
		func() any { return [][]any{g.list(depth), nil} },
		func() any { return [2]any{g.value(depth + 1), g.value(depth + 1)} },
		func() any {
			return tagged{
				Plain: g.text(), Renamed: g.IntN(9), Inlined: map[string]any{"inlined " + g.key(0): g.value(depth + 1)}, At: g.time(),
				Pointer: new(g.float()), Any: g.value(depth + 1), hidden: "never written", ErrorKind: errors.New("e"),
			}
		},
		func() any { return &tagged{At: g.time(), Any: g.object(depth)} },
		func() any { return []tagged{{At: g.time()}} },
	}
}

func (g *generator) unwritables() []func() any {
	return []func() any{
		func() any { return map[int]string{1: "one"} },
		func() any { return map[any]any{"a": 1} },
		func() any { return make(chan int) },
		func() any { return func() {} },
		func() any { return complex(1, 2) },
		func() any { return uintptr(7) },
		func() any { return folding{} },
		func() any { return []any{map[bool]int{}} },
		func() any { return struct{ C chan int }{} },
	}
}

func (g *generator) event() *beat.Event {
	event := &beat.Event{Timestamp: g.time(), Fields: g.object(0)}
	if g.IntN(2) == 0 {
		event.Meta = g.object(2)
		event.Meta["_id"] = g.text()
	}
	// Keys that the codec writes itself: the field comes last and wins.
	for _, key := range []string{"@timestamp", "@metadata"} {
		if g.IntN(30) == 0 {
			event.Fields[key] = g.value(1)
		}
	}
	for _, key := range []string{"beat", "type", "version"} {
		if event.Meta != nil && g.IntN(30) == 0 {
			event.Meta[key] = g.value(1)
		}
	}
	return event
}
