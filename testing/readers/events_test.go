// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package readers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// meantEvent is an event, and its meaning in nil, bool, string, []byte,
// int64, uint64, float64, []any and map[string]any.
type meantEvent struct {
	event *beat.Event
	meant map[string]any
	id    string
}

// generator makes events of one seed.
type generator struct {
	*rand.Rand
	// validText leaves out text that is not UTF-8.
	validText bool
	// flat leaves out lists and objects within lists.
	flat bool
}

var pieces = []string{
	"", "plain", "with space", "\"quoted\"", `back\slash`, "tab\there", "line\nbreak\r\n", "comma,", "a=b&c", "50%+", "\x01\x1f\x7f",
	"grüße", "日本語のログ", "🙂", "\u2028", "\ufeff", "\xff", "\xe2\x82", "\xed\xa0\x80",
}

func (g *generator) text() string {
	var text strings.Builder
	for range g.IntN(5) {
		text.WriteString(pieces[g.IntN(len(pieces))])
	}
	if g.validText {
		return strings.ToValidUTF8(text.String(), "?")
	}
	return text.String()
}

// name returns a name that is not a number: JavaScript would sort that.
func (g *generator) name(position int) string { return fmt.Sprintf("k%s%d", g.text(), position) }

func (g *generator) time() time.Time {
	return time.Unix(g.Int64N(1<<32), g.Int64N(1e9)).In(time.FixedZone("", 3600))
}

func (g *generator) signed() int64 {
	special := []int64{0, -1, 127, 128, -33, 1 << 31, 1 << 32, math.MaxInt64, math.MinInt64, 1<<53 + 1}
	if g.IntN(2) == 0 {
		return special[g.IntN(len(special))]
	}
	return int64(g.Uint64()) >> g.IntN(64)
}

func (g *generator) float() float64 {
	special := []float64{0, 0.1, -1.5, 1e21, 1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}
	if g.IntN(2) == 0 {
		return special[g.IntN(len(special))]
	}
	return g.NormFloat64()
}

// value returns a value as a processor may leave it in an event, and what is
// meant by it.
func (g *generator) value(depth int) (v, meant any) {
	kinds := 15
	if g.flat || depth > 4 {
		kinds = 12
	}
	switch g.IntN(kinds) {
	case 0:
		return nil, nil
	case 1, 2, 3:
		text := g.text()
		return text, text
	case 4:
		truth := g.IntN(2) == 0
		return truth, truth
	case 5:
		n := g.signed()
		return n, n
	case 6:
		n := g.Uint64()
		return n, n
	case 7:
		f := g.float()
		return f, f
	case 8:
		at := g.time()
		text := at.UTC().Format("2006-01-02T15:04:05.000Z")
		if g.IntN(2) == 0 {
			return common.Time(at), text
		}
		return at, text
	case 9:
		duration := time.Duration(g.signed())
		return duration, int64(duration)
	case 10:
		return []byte("x" + g.text()), nil
	case 11:
		list := []string{"a", "ü", "\"b\\"}
		return list, []any{"a", "ü", "\"b\\"}
	case 12:
		return g.list(depth)
	case 13:
		m, meant := g.object(depth)
		return mapstr.M(m), meant
	default:
		m, meant := g.object(depth)
		return m, meant
	}
}

func (g *generator) list(depth int) (list, meant []any) {
	list, meant = []any{}, []any{}
	for range g.IntN(4) {
		v, m := g.value(depth + 1)
		list, meant = append(list, v), append(meant, bytesOr(v, m))
	}
	return list, meant
}

func (g *generator) object(depth int) (object, meant map[string]any) {
	object, meant = map[string]any{}, map[string]any{}
	for position := range g.IntN(6) {
		name := g.name(position)
		v, m := g.value(depth + 1)
		object[name], meant[name] = v, bytesOr(v, m)
	}
	return object, meant
}

// bytesOr returns the bytes that v is, else meant.
func bytesOr(v, meant any) any {
	if b, ok := v.([]byte); ok {
		return b
	}
	return meant
}

func (g *generator) event() meantEvent {
	fields, meant := g.object(0)
	inner, meantInner := g.object(1)
	fields["inner"], meant["inner"] = mapstr.M(inner), meantInner
	line := "x" + g.text()
	fields["message"], meant["message"] = line, line
	e := meantEvent{
		event: &beat.Event{Timestamp: g.time(), Fields: fields},
		meant: meant,
	}
	if g.IntN(2) == 0 {
		e.id = "id" + fmt.Sprint(g.Uint64())
		e.event.Meta = mapstr.M{"_id": e.id}
	}
	return e
}
