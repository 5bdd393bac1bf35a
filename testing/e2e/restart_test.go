// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

func TestReceiverKilledThreeTimesLosesNothing(t *testing.T) {
	t.Parallel()
	const (
		lines = 200_000
		step  = 2_000
		pace  = 50 * time.Millisecond // 40,000 lines a second, for 5 seconds
	)
	receiver := beattest.StartReceiver(t, "--quiet")
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(receiver.URL(), "")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, step)
	filebeat := beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, patience, "records arrive", func() bool { return receiver.Size() > 0 })

	written := make(chan error, 1)
	go func() {
		file, err := os.OpenFile(setup.LogFile("a.log"), os.O_APPEND|os.O_WRONLY, 0)
		for first := step + 1; err == nil && first < lines; first += step {
			err = beattest.WriteLines(file, first, first+step-1)
			time.Sleep(pace)
		}
		written <- errors.Join(err, file.Close())
	}()
	for _, away := range []time.Duration{50 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
		before := receiver.Size()
		beattest.Eventually(t, patience, "records arrive", func() bool { return receiver.Size() > before+5<<20 })
		receiver.Kill()
		time.Sleep(away)
		receiver.Start()
	}
	require.NoError(t, <-written)

	var numbers map[int]int
	beattest.Eventually(t, patience, "every line is in the file", func() bool {
		time.Sleep(500 * time.Millisecond) // reading the file takes time too
		numbers = receiver.Numbers()
		return len(numbers) >= lines
	})
	for seq := 1; seq <= lines; seq++ {
		require.Positivef(t, numbers[seq], "line %d is missing", seq)
	}
	require.True(t, filebeat.Running(), "filebeat is never restarted")
	beattest.Eventually(t, patience, "filebeat knows it too", func() bool {
		return setup.RegistryOffsets(t)["a.log"] == fileSize(t, setup.LogFile("a.log"))
	})
	require.Zero(t, filebeat.Stop())
	require.Zero(t, receiver.Stop())
}
