// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Peers wait more than they work: for their start, their clients' pauses, and what they must not do.
	if err := flag.Set("test.parallel", "4"); err != nil { // the command line has precedence
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
