// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package verify compares log files with the records that have landed: every line of a
// file has to be there once, in the order of the file.
//
// A record says which file it is from (log.file.fingerprint, or log.file.device_id and
// log.file.inode, or log.file.path) and where its line is (log.offset). The lengths come
// from the files themselves: a record's text says nothing reliable about the bytes that it
// was, because line ends, encodings and parsers change them.
//
// Memory is bounded, whatever the number of lines: the places of records are sorted in
// runs that go to a temporary file, then merged with one pass over each log file.
//
// The package reads. It writes nothing but that temporary file, which has no content of
// records.
package verify
