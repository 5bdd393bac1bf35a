// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package settings reads a section of a Beat's configuration into structs.
//
// Every error names its setting. No error contains the value of a variable, or a
// value of a setting that holds text. A variable such as ${NAME} in a setting that
// holds text arrives as it was written, whatever it looks like.
//
// The package knows the names of no settings: they are in the tags of the structs.
package settings
