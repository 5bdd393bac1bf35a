// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package seldom

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEverythingIsCountedAndSaidOnceInAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mutex sync.Mutex
		var lines []string
		l := New(time.Minute, func(key string, count int, last error) {
			mutex.Lock()
			defer mutex.Unlock()
			lines = append(lines, fmt.Sprintf("%s %d %v", key, count, last))
		})
		said := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mutex.Lock()
			defer mutex.Unlock()
			require.Equal(t, want, lines)
			lines = nil
		}
		first, second := errors.New("first"), errors.New("second")
		l.Add("a", 4, first)
		l.Add("b", 1, first)
		said("a 4 first", "b 1 first")

		l.Add("a", 2, first)
		time.Sleep(59 * time.Second)
		l.Add("a", 3, second)
		said()
		time.Sleep(time.Second)
		said("a 5 second") // at the end of the interval, though nothing more happens

		time.Sleep(30 * time.Second)
		l.Add("a", 1, first)
		said()
		time.Sleep(30 * time.Second)
		said("a 1 first")

		time.Sleep(time.Hour)
		l.Add("a", 1, first)
		said("a 1 first") // at once after an interval of silence

		l.Add("a", 7, second)
		l.Close()
		said("a 7 second")
		l.Add("a", 1, first)
		said("a 1 first")
		time.Sleep(time.Hour)
		said()
	})
}
