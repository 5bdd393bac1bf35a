// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package access decides who may reach an http.Handler.
//
// Tokens are bearer tokens from a file, NewTLSConfig can require client certificates.
// Both read their files again when these change, so that tokens and certificates can
// be rotated without a restart. A Guard, shared by all paths of a server, requires the
// tokens, slows down who guesses them, and refuses requests that pages of other sites
// make a visitor's browser send. A Listener counts connections before any of them has
// said who it is, and shares the places between addresses.
package access
