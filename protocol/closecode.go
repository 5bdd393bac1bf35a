// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package protocol

// CloseCode says in a Close frame why a connection ends (RFC 6455 7.4).
type CloseCode int

// Close codes of RFC 6455 7.4.1 and of the registry that it opens.
const (
	CloseNormal             CloseCode = 1000
	CloseGoingAway          CloseCode = 1001
	CloseProtocolError      CloseCode = 1002
	CloseUnsupported        CloseCode = 1003
	CloseNone               CloseCode = 1005 // stands for a frame without a code; it is never sent
	CloseAbnormal           CloseCode = 1006 // stands for an end without a Close frame; it is never sent
	CloseInvalidData        CloseCode = 1007
	ClosePolicyViolation    CloseCode = 1008
	CloseTooBig             CloseCode = 1009
	CloseMandatoryExtension CloseCode = 1010
	CloseInternalError      CloseCode = 1011
	CloseServiceRestart     CloseCode = 1012
	CloseTryAgainLater      CloseCode = 1013
	CloseBadGateway         CloseCode = 1014
)

// RefusesContent reports whether the peer ended the connection over something
// that it was sent, and would do so again.
func (c CloseCode) RefusesContent() bool {
	return c == CloseUnsupported || c == CloseInvalidData || c == CloseTooBig
}

// Application reports whether the code is from the range that libraries and
// applications give a meaning of their own (RFC 6455 7.4.2).
func (c CloseCode) Application() bool { return c >= 3000 && c <= 4999 }

// Known reports whether a Close frame may hold the code, or held none.
func (c CloseCode) Known() bool {
	switch c {
	case CloseNormal, CloseGoingAway, CloseProtocolError, CloseUnsupported, CloseNone,
		CloseInvalidData, ClosePolicyViolation, CloseTooBig, CloseMandatoryExtension,
		CloseInternalError, CloseServiceRestart, CloseTryAgainLater, CloseBadGateway:
		return true
	}
	return c.Application()
}
