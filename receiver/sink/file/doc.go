// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package file is a receiver.Sink that writes records as NDJSON: to a file, to a
// folder of files that it rotates, or to any io.Writer. Commit syncs the files to
// disk.
package file
