// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// heavy is about as expensive as an expression can be.
const heavy = `/(?:[a-z]?.?\w?\S?){60}Q/`

func TestSearchesShareHalfACore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newSearches()
		q, err := parseQuery(url.Values{"q": {"x"}})
		require.NoError(t, err)
		searching := []viewerSearch{all.begin(&q), all.begin(&q), all.begin(&q), all.begin(&q)}
		began, spent := time.Now(), time.Duration(0)
		for range 1000 { // ten seconds in which each has more to do than it can
			for i := range searching {
				one := &searching[i]
				one.each(t.Context(), 3, func(int) bool {
					time.Sleep(30 * time.Millisecond)
					spent += 30 * time.Millisecond
					return true
				})
			}
			time.Sleep(10 * time.Millisecond)
		}
		elapsed := time.Since(began)
		require.LessOrEqual(t, spent, elapsed/2+4*(searchBurst+30*time.Millisecond))
		require.Greater(t, spent, elapsed/4)
		for i := range searching {
			searching[i].end()
		}
		require.Zero(t, all.active.Load())
	})
}

func TestASearchThatWaitsForItsTurnEndsWithItsRequest(t *testing.T) {
	all := newSearches()
	q, err := parseQuery(url.Values{"q": {"x"}})
	require.NoError(t, err)
	one := all.begin(&q)
	<-all.turn // someone else has it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Zero(t, one.each(ctx, 5, func(int) bool { return true }))
}

// TestASearchCostsItsSearcher has twenty searches that are as expensive as they can
// be, on records that are long, and a viewer that wants to see one record.
func TestASearchCostsItsSearcher(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	var hello welcome
	for range 20 {
		connect(t, server, "q="+url.QueryEscape(heavy)).until("hello", &hello)
	}
	looking := connect(t, server, "level=error")
	looking.until("hello", &hello)
	long := `{"message":"` + strings.Repeat("a line without the letter ", 600) + `"}`
	worst := time.Duration(0)
	for i := range 10 {
		live.Observe(messageOf(long, long, long, long, long, long, long, long))
		began := time.Now()
		live.Observe(messageOf(fmt.Sprintf(`{"message":"the one","number":%d,"level":"error"}`, i)))
		looking.rows(1)
		worst = max(worst, time.Since(began))
	}
	t.Logf("the slowest row came after %v", worst)
	require.Less(t, worst, 2*time.Second, "with the race detector on a busy machine")
}
