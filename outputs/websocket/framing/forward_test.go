// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

// request is what a test finds in a message.
type request struct {
	tag     string
	entries []byte // one behind the other, not compressed
	options map[string]any
}

// parseRequest reads a request of any mode the way a receiver does it, strictly:
// nothing may follow. The library reads options of uint64 and string.
func parseRequest(message []byte) (r request, err error) {
	elements, rest, err := msgp.ReadArrayHeaderBytes(message)
	if err != nil {
		return r, err
	}
	if r.tag, rest, err = msgp.ReadStringBytes(rest); err != nil {
		return r, err
	}
	elements--
	switch msgp.NextType(rest) {
	case msgp.BinType:
		r.entries, rest, err = msgp.ReadBytesBytes(rest, nil)
	case msgp.ArrayType:
		var count uint32
		if count, rest, err = msgp.ReadArrayHeaderBytes(rest); err != nil {
			return r, err
		}
		before := rest
		for range count {
			if rest, err = msgp.Skip(rest); err != nil {
				return r, err
			}
		}
		r.entries = before[:len(before)-len(rest)]
	default: // time, record
		r.entries = []byte{0x92}
		for range 2 {
			before := rest
			if rest, err = msgp.Skip(rest); err != nil {
				return r, err
			}
			r.entries = append(r.entries, before[:len(before)-len(rest)]...)
		}
		elements--
	}
	elements--
	if err == nil && elements == 1 {
		elements--
		r.options, rest, err = msgp.ReadMapStrIntfBytes(rest, nil)
		for key, value := range r.options {
			if number, ok := value.(int64); ok {
				r.options[key] = uint64(number)
			}
		}
	}
	switch {
	case err != nil:
		return r, err
	case elements != 0 || len(rest) != 0:
		return r, errors.New("not as long as it says")
	}
	if r.options["compressed"] == "gzip" {
		inflating, err := gzip.NewReader(bytes.NewReader(r.entries))
		if err != nil {
			return r, err
		}
		r.entries, err = io.ReadAll(inflating)
		return r, err
	}
	return r, nil
}

// entry returns [EventTime, {"m": text}].
func entry(second uint32, text string) []byte {
	b := append([]byte{0x92, 0xD7, 0x00}, byte(second>>24), byte(second>>16), byte(second>>8), byte(second), 0, 0, 0, 7)
	return msgp.AppendMapStrStr(b, map[string]string{"m": text})
}

func mustForward(t *testing.T, mode string, chunks bool) Grouped {
	t.Helper()
	f, err := Forward(ForwardOptions{Mode: mode, Chunks: chunks})
	require.NoError(t, err)
	return f
}

// The entries are of msgpack 1.0.3 for Python, as is the rest:
//
//	import base64, hashlib, msgpack
//	e = [msgpack.ExtType(0, (n).to_bytes(4, "big") + (7).to_bytes(4, "big")) for n in (1, 2)]
//	a, b = [e[0], {"m": "a"}], [e[1], {"m": "b"}]
//	p = msgpack.packb
//	print(p(["t", e[0], {"m": "a"}]).hex())
//	print(p(["t", [a, b], {"size": 2}]).hex())
//	print(p(["t", p(a) + p(b), {"size": 2}]).hex())
//	chunk = lambda *x: base64.b64encode(hashlib.sha512(b"".join(map(p, x))).digest()[:16]).decode()
//	print(p(["t", e[0], {"m": "a"}, {"chunk": chunk(a)}]).hex())
//	print(p(["t", p(a) + p(b), {"size": 2, "chunk": chunk(a, b)}]).hex())
func TestForwardsBytesAreThoseOfAnotherProgram(t *testing.T) {
	one, two := entry(1, "a"), entry(2, "b")
	for _, test := range []struct {
		mode    string
		chunks  bool
		records [][]byte
		want    string
	}{
		{ModeMessage, false, [][]byte{one}, "93a174d700000000010000000781a16da161"},
		{ModeForward, false, [][]byte{one, two}, "93a1749292d700000000010000000781a16da16192d700000000020000000781a16da16281a473697a6502"},
		{ModePacked, false, [][]byte{one, two}, "93a174c42092d700000000010000000781a16da16192d700000000020000000781a16da16281a473697a6502"},
		{ModeMessage, true, [][]byte{one}, "94a174d700000000010000000781a16da16181a56368756e6bb8552b516c41705368636a764b346e54487a6d786956673d3d"},
		{ModePacked, true, [][]byte{one, two}, "93a174c42092d700000000010000000781a16da16192d700000000020000000781a16da16282a473697a6502a56368756e6bb87a7672676b47426537386268475135784e58363378773d3d"},
	} {
		t.Run(fmt.Sprintf("%s, chunks %v", test.mode, test.chunks), func(t *testing.T) {
			got := mustForward(t, test.mode, test.chunks).Group("t").Append(nil, test.records)
			require.Equal(t, test.want, hex.EncodeToString(got))
		})
	}
}

func TestEveryForwardModeKeepsItsEntriesAndItsSize(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	text := func(length int) string {
		b := make([]byte, length)
		for i := range b {
			b[i] = byte(random.IntN(256)) // nothing that gzip could make smaller
		}
		return base64.RawStdEncoding.EncodeToString(b)[:length]
	}
	sizes := []int{0, 1, 14, 15, 16, 17, 40, 200, 300, 70_000}
	for _, mode := range ForwardModes {
		for _, chunks := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunks %v", mode, chunks), func(t *testing.T) {
				f := mustForward(t, mode, chunks)
				require.Equal(t, mode == ModeMessage, f.Single())
				for _, tagBytes := range []int{1, 31, 32, 255, 256, 65_536} {
					for _, count := range []int{1, 2, 15, 16, 127, 128, 255, 256, 700} {
						if count > 1 && (f.Single() || tagBytes > 32) {
							continue
						}
						tag := text(tagBytes)
						var records [][]byte
						var all []byte
						for i := range count {
							record := entry(uint32(i), text(sizes[random.IntN(min(len(sizes), 1+700/count))]))
							records = append(records, record)
							all = append(all, record...)
						}
						layout := InGroup(f, tag)
						message := layout.Append([]byte("there"), records)[len("there"):]
						if mode == ModeCompressed {
							require.LessOrEqual(t, len(message), layout.Size(count, len(all)))
						} else {
							require.Len(t, message, layout.Size(count, len(all)))
						}

						r, err := parseRequest(message)
						require.NoError(t, err)
						require.Equal(t, tag, r.tag)
						require.Equal(t, all, r.entries)
						want := map[string]any{}
						if mode != ModeMessage {
							want["size"] = uint64(count)
						}
						if chunks {
							hash := sha512.Sum512(all)
							want["chunk"] = base64.StdEncoding.EncodeToString(hash[:16])
						}
						if mode == ModeCompressed {
							want["compressed"] = "gzip"
						}
						if len(want) == 0 {
							want = nil
						}
						require.Equal(t, want, r.options)
						require.Equal(t, message, layout.Append(nil, records), "the same records make the same message")
					}
				}
			})
		}
	}
}

func TestWhatGzipCanNotShrinkStaysWithinItsBound(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	f := mustForward(t, ModeCompressed, true)
	for _, length := range []int{1, 100, 8 << 10, 64 << 10, 1 << 20, 3 << 20} {
		record := make([]byte, length)
		for i := range record {
			record[i] = byte(random.IntN(256))
		}
		for _, cut := range []int{length, 1 + length/3, 1 + length/100} {
			var records [][]byte
			for rest := record; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
				records = append(records, rest[:min(cut, len(rest))])
			}
			message := f.Append(nil, records)
			require.LessOrEqual(t, len(message), f.Size(len(records), length))
		}
	}
	require.Less(t, len(f.Append(nil, [][]byte{bytes.Repeat([]byte("a line like others "), 10_000)})), 10_000)
}

func TestForwardRefusesAnUnknownMode(t *testing.T) {
	_, err := Forward(ForwardOptions{Mode: "zip"})
	require.EqualError(t, err, `unknown mode "zip", known are `+strings.Join(ForwardModes, ", "))
}

func TestAFramingWithoutGroupsIsTheSameForAllOfThem(t *testing.T) {
	require.Equal(t, linesFraming{}, InGroup(linesFraming{}, "a"))
}

func FuzzForwardSize(f *testing.F) {
	f.Add([]byte("some bytes"), uint8(3), uint16(5))
	f.Fuzz(func(t *testing.T, content []byte, cut uint8, tagBytes uint16) {
		var records [][]byte
		for rest := append([]byte{0x92}, content...); len(rest) > 0; rest = rest[min(1+int(cut), len(rest)):] {
			records = append(records, rest[:min(1+int(cut), len(rest))])
		}
		for _, mode := range ForwardModes {
			layout := mustForward(t, mode, true).Group(strings.Repeat("t", int(tagBytes)))
			count, length := len(records), 1+len(content)
			if layout.Single() {
				count, length = 1, len(records[0])
			}
			message := layout.Append(nil, records[:count])
			require.LessOrEqual(t, len(message), layout.Size(count, length))
			require.GreaterOrEqual(t, layout.Size(count+1, length+1), layout.Size(count, length))
			if mode != ModeCompressed {
				require.Len(t, message, layout.Size(count, length))
			}
		}
	})
}
