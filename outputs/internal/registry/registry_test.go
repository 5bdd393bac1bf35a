// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEntriesAreFoundByName(t *testing.T) {
	r := New[int]("number")
	r.Register("two", 2)
	r.Register("one", 1)
	entry, err := r.Get("two")
	require.NoError(t, err)
	require.Equal(t, 2, entry)
	require.Equal(t, []string{"one", "two"}, r.Names())

	_, err = r.Get("three")
	require.EqualError(t, err, `unknown number "three", known are one, two`)
	require.PanicsWithValue(t, `number "one" is registered twice`, func() { r.Register("one", 11) })
}
