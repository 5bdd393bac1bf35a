// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package rules has the rules for receivers that docs/protocol.md, docs/delivery.md and
// docs/formats.md number, and a check for each. A check plays Filebeat on connections of its
// own. A rule holds, fails or was not tried; what was not tried says why.
package rules
