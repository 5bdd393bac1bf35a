// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// isCorrupt reports whether a compressed message cannot be inflated. gorilla has an
// error of its own for a connection that ends.
func isCorrupt(err error) bool {
	_, isInput := errors.AsType[flate.CorruptInputError](err)
	_, isInternal := errors.AsType[flate.InternalError](err)
	return isInput || isInternal || errors.Is(err, io.ErrUnexpectedEOF)
}

// TooLongError is the cause of the end of a connection whose client sent a message
// that was longer than Options.MaxMessageBytes.
type TooLongError struct {
	Limit int64
	// Bytes is the length that the message's frames claimed, or what came of it when
	// it was compressed, until the end: it may be longer.
	Bytes int64
}

func (e *TooLongError) Error() string { return fmt.Sprintf("message is longer than %d bytes", e.Limit) }
