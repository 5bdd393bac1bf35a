// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEntryIsDoneWhenItsLastMessageIsConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		entries   []int // messages of each, values are 'a', 'b', ...
		confirms  []uint64
		done      string
		confirmed uint64
		left      int
	}{
		"nothing is confirmed by number 0":                {entries: []int{2}, confirms: []uint64{0}, left: 1},
		"a part of an entry does not finish it":           {entries: []int{3}, confirms: []uint64{2}, confirmed: 2, left: 1},
		"the last message of an entry finishes it":        {entries: []int{3, 1}, confirms: []uint64{3}, done: "a", confirmed: 3, left: 1},
		"one number finishes several, oldest first":       {entries: []int{3, 1, 2}, confirms: []uint64{6}, done: "abc", confirmed: 6},
		"a number inside the second finishes the first":   {entries: []int{3, 4}, confirms: []uint64{5}, done: "a", confirmed: 5, left: 1},
		"an old number changes nothing":                   {entries: []int{1, 1}, confirms: []uint64{1, 1, 0}, done: "a", confirmed: 1, left: 1},
		"a confirmation in pieces finishes an entry once": {entries: []int{3}, confirms: []uint64{1, 2, 3, 3}, done: "a", confirmed: 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := New[rune](len(c.entries))
			for i, messages := range c.entries {
				w.Push(messages, 'a'+rune(i))
			}
			var done []rune
			for _, through := range c.confirms {
				var err error
				done, err = w.Confirm(through, done)
				require.NoError(t, err)
			}
			require.Equal(t, c.done, string(done))
			require.Equal(t, c.confirmed, w.Settled())
			require.Equal(t, c.left, w.Len())
		})
	}
}

func TestAConfirmationOfWhatWasNotSentChangesNothing(t *testing.T) {
	w := New[string](2)
	w.Push(2, "a")
	done, err := w.Confirm(3, []string{"earlier"})
	require.ErrorIs(t, err, ErrFuture)
	require.Equal(t, []string{"earlier"}, done)
	require.Zero(t, w.Settled())
	require.Equal(t, 1, w.Len())

	done, err = w.Confirm(2, nil)
	require.NoError(t, err, "the window works on")
	require.Equal(t, []string{"a"}, done)
}

func TestNumbersGoOnAfterEntriesFailed(t *testing.T) {
	w := New[string](2)
	require.EqualValues(t, 2, w.Push(2, "a"))
	require.EqualValues(t, 5, w.Push(3, "b"))
	require.True(t, w.Full())
	require.Equal(t, []string{"earlier", "a", "b"}, w.Fail([]string{"earlier"}))
	require.Zero(t, w.Len())
	_, found := w.Oldest()
	require.False(t, found)
	require.Empty(t, w.Fail(nil), "nothing is lost twice")
	require.EqualValues(t, 6, w.Push(1, "c"))
}

func TestPushIntoAFullWindowPanics(t *testing.T) {
	w := New[string](1)
	w.Push(1, "a")
	require.PanicsWithValue(t, "window: push into a full window", func() { w.Push(1, "b") })
}

func TestTheWindowLetsGoOfWhatLeftIt(t *testing.T) {
	for name, leave := range map[string]func(*Window[*[1 << 10]byte]){
		"confirmed": func(w *Window[*[1 << 10]byte]) { _, _ = w.Confirm(w.Sent(), nil) },
		"failed":    func(w *Window[*[1 << 10]byte]) { w.Fail(nil) },
	} {
		t.Run(name, func(*testing.T) {
			w := New[*[1 << 10]byte](4)
			freed := make(chan struct{}, 3)
			for range 3 {
				value := new([1 << 10]byte)
				runtime.AddCleanup(value, func(c chan struct{}) { c <- struct{}{} }, freed)
				w.Push(1, value)
			}
			leave(w)
			for range 3 {
				runtime.GC()
				<-freed // the test's timeout if the ring still points to it
			}
			runtime.KeepAlive(w)
		})
	}
}
