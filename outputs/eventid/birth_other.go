// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package eventid

import "time"

func birth(string) (at time.Time, known bool) { return time.Time{}, false }
