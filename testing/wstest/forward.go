// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"errors"
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

// StrictPing returns an error unless a message is a PING of Fluent Forward that the
// strictest real server accepts: Fluent Bit's takes only str for each of its elements,
// and no salt that is empty.
func StrictPing(message []byte) error {
	const elements, salt = 6, 2
	count, rest, err := msgp.ReadArrayHeaderBytes(message)
	if err != nil || count != elements {
		return errors.New("a PING that is not an array of six")
	}
	for i := range elements {
		var text []byte
		if text, rest, err = msgp.ReadStringZC(rest); err != nil {
			return fmt.Errorf("element %d of a PING is not str: %w", i, err)
		}
		if i == salt && len(text) == 0 {
			return errors.New("a PING without a salt")
		}
	}
	if len(rest) > 0 {
		return errors.New("something behind a PING")
	}
	return nil
}
