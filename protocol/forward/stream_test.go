// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

// oneOfEach are values of every shape of MessagePack.
func oneOfEach() (values [][]byte) {
	for _, bytes := range []int{0, 31, 32, 255, 256, 65535, 65536} {
		values = append(values, msgp.AppendString(nil, strings.Repeat("s", bytes)), msgp.AppendBytes(nil, make([]byte, bytes)))
	}
	for _, elements := range []int{0, 15, 16, 65536} {
		values = append(values,
			append(msgp.AppendArrayHeader(nil, uint32(elements)), bytes.Repeat([]byte{1}, elements)...),
			append(msgp.AppendMapHeader(nil, uint32(elements)), bytes.Repeat([]byte{1}, 2*elements)...))
	}
	for _, n := range []int64{0, -1, 127, -128, 1 << 8, -1 << 9, 1 << 17, -1 << 17, 1 << 40, -1 << 40} {
		values = append(values, msgp.AppendInt64(nil, n), msgp.AppendUint64(nil, uint64(n)))
	}
	for _, bytes := range []int{1, 2, 4, 8, 16, 3, 300, 70000} {
		extension, err := msgp.AppendExtension(nil, &msgp.RawExtension{Type: 5, Data: make([]byte, bytes)})
		if err != nil {
			panic(err) // a slice takes everything
		}
		values = append(values, extension)
	}
	deep := append(bytes.Repeat([]byte{0x91}, 50_000), 0xC0)
	return append(values, msgp.AppendNil(nil), msgp.AppendBool(nil, true), msgp.AppendBool(nil, false),
		msgp.AppendFloat32(nil, 1), msgp.AppendFloat64(nil, 1), deep,
		AppendHelo(nil, aHelo), AppendPing(nil, aPing), AppendPong(nil, aPong), AppendAck(nil, chunkID))
}

// read writes the content in pieces that end where cut says, and returns the values.
func read(t testing.TB, s *Stream, content []byte, cut func(left int) int) (values [][]byte) {
	t.Helper()
	for len(content) > 0 {
		piece := bytes.Clone(content[:cut(len(content))])
		content = content[len(piece):]
		s.Write(piece)
		clear(piece) // it must not have been kept
		for {
			value, err := s.Next()
			require.NoError(t, err)
			if value == nil {
				break
			}
			values = append(values, bytes.Clone(value))
		}
	}
	return values
}

func TestAStreamHasTheSameValuesHoweverItIsCut(t *testing.T) {
	want := oneOfEach()
	content := bytes.Join(want, nil)
	for name, cut := range map[string]func(int) int{
		"as one":          func(left int) int { return left },
		"byte by byte":    func(int) int { return 1 },
		"at random bytes": func(left int) int { return 1 + rand.IntN(min(left, 100)) },
		"in large pieces": func(left int) int { return 1 + rand.IntN(min(left, 200_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(1 << 20)
			require.Equal(t, want, read(t, s, content, cut))
			require.Empty(t, s.Rest())
		})
	}
}

func TestAValueBeyondTheLimitIsAnErrorAsSoonAsItsLengthIsKnown(t *testing.T) {
	for name, content := range map[string]string{
		"a str":                 "\xDB\xFF\xFF\xFF\xFF",
		"a bin":                 "\xC5\x03\xE6",
		"an ext":                "\xC9\xFF\xFF\xFF\xFF",
		"an array":              "\xDD\xFF\xFF\xFF\xFF",
		"a map":                 "\xDF\xFF\xFF\xFF\xFF",
		"a map in arrays":       "\x91\x92\xDE\x02\x00",
		"an array with strings": "\x92\xC5\x03\xE2" + strings.Repeat("x", 994) + "\xA2",
		"arrays without an end": strings.Repeat("\x91", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(1000)
			s.Write([]byte(content))
			value, err := s.Next()
			require.Nil(t, value)
			require.ErrorIs(t, err, ErrMessage)
			require.ErrorContains(t, err, "longer than 1000 bytes")
			s.Write([]byte{0xC0})
			_, again := s.Next()
			require.Equal(t, err, again, "it is final")
			require.Empty(t, s.unread, "nothing is kept")
		})
	}
	s := NewStream(1000)
	s.Write([]byte("\xC5\x03\xE5" + strings.Repeat("x", 997)))
	value, err := s.Next()
	require.NoError(t, err)
	require.Len(t, value, 1000)
}

func TestWhatIsNotMessagePackEndsAStream(t *testing.T) {
	s := NewStream(1000)
	s.Write([]byte{0xC0, 0x91, 0xC1})
	value, err := s.Next()
	require.NoError(t, err)
	require.Equal(t, []byte{0xC0}, value)
	_, err = s.Next()
	require.EqualError(t, err, "not a message of Fluent Forward: not MessagePack")
}

func TestTheRestOfAStreamIsHandedOver(t *testing.T) {
	s := NewStream(1000)
	s.Write([]byte("\xC0{\"ack\""))
	_, err := s.Next()
	require.NoError(t, err)
	require.Equal(t, `{"ack"`, string(s.Rest()))
	value, err := s.Next()
	require.NoError(t, err)
	require.Nil(t, value)
}

func FuzzStream(f *testing.F) {
	addSeeds(f)
	for _, value := range oneOfEach() {
		f.Add(value[:min(len(value), 100)])
	}
	f.Add([]byte{0x91, 0xC1})
	const limit = 1000
	// An input has to be done within 10 s, or it counts as one that hangs: so no assertion
	// of the library for each of the million values that there may be.
	f.Fuzz(func(t *testing.T, content []byte) {
		cuts := rand.New(rand.NewPCG(uint64(len(content)), 0))
		whole, cut := NewStream(limit), NewStream(limit)
		whole.Write(content)
		var values, again [][]byte
		next := func(s *Stream, values *[][]byte) error {
			for {
				value, err := s.Next()
				if err != nil || value == nil {
					return err
				}
				rest, err := msgp.Skip(value) // the library finds the same end
				if len(value) > limit || err == nil && len(rest) > 0 {
					require.FailNow(t, "a value is too long", "%d bytes, %d behind its end", len(value), len(rest))
				}
				*values = append(*values, bytes.Clone(value))
			}
		}
		err := next(whole, &values)
		var errCut error
		for rest := content; len(rest) > 0 && errCut == nil; {
			piece := rest[:1+cuts.IntN(len(rest))]
			rest = rest[len(piece):]
			cut.Write(piece)
			errCut = next(cut, &again)
			if len(cut.unread) > limit {
				require.FailNow(t, "the rest is not bounded", "%d bytes", len(cut.unread))
			}
		}
		require.Equal(t, err, errCut)
		require.True(t, slices.EqualFunc(values, again, bytes.Equal), "however it is cut")
		if err == nil {
			require.True(t, bytes.Equal(content, append(bytes.Join(values, nil), whole.Rest()...)), "nothing is lost")
		}
	})
}
