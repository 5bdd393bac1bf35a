// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command fluentclient is a client of Fluent Forward with the library
// github.com/fluent/fluent-logger-golang:
//
//	fluentclient PORT MODE FIRST LAST
//
// sends the numbered records that the other clients in testdata/clients send, and ends
// when all are confirmed. MODE is Message. With CA in the environment it uses TLS.
package main
