// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"compress/flate"
	"errors"
	"io"
)

// IsCorrupt reports whether a compressed message cannot be inflated. gorilla has an
// error of its own for a connection that ends.
func IsCorrupt(err error) bool {
	_, isInput := errors.AsType[flate.CorruptInputError](err)
	_, isInternal := errors.AsType[flate.InternalError](err)
	return isInput || isInternal || errors.Is(err, io.ErrUnexpectedEOF)
}
