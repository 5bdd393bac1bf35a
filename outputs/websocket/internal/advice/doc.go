// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package advice says what an operator should set or check after a failure to connect.
// It reads errors and contains no secret, since it quotes nothing of them.
package advice
