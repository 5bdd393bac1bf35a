// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package spread chooses when connections end that would otherwise end together.
package spread

import (
	"math/rand/v2"
	"time"
)

// HalfToAll returns a random time between half of d and all of it. The half is wide
// enough for a fleet whose connections all began in the same moment: they end, and come
// back, over half of d.
func HalfToAll(d time.Duration) time.Duration { return d - rand.N(d/2+1) }
