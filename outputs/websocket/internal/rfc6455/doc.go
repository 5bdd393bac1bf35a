// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package rfc6455 holds both sides, internal/conn and package receiver, to the cases of
// testing/rfc6455. It has only tests.
package rfc6455
