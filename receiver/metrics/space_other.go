// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package metrics

import "errors"

func space(string) (free, size uint64, err error) {
	return 0, 0, errors.ErrUnsupported
}
