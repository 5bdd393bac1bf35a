// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"encoding/json"
	"strconv"
	"strings"
)

// level is the severity of a record. The page has filters for these five.
type level uint8

const (
	levelOther level = iota // the record names none
	levelDebug
	levelInfo
	levelWarn
	levelError
)

var levelNames = [...]string{levelOther: "other", levelDebug: "debug", levelInfo: "info", levelWarn: "warn", levelError: "error"}

func (l level) String() string { return levelNames[l] }

// levelWords are what loggers, syslog and people write, in lower case.
var levelWords = map[string]level{
	"trace": levelDebug, "verbose": levelDebug, "debug": levelDebug, "dbg": levelDebug, "dbug": levelDebug, "finest": levelDebug, "finer": levelDebug, "fine": levelDebug,
	"info": levelInfo, "inf": levelInfo, "information": levelInfo, "informational": levelInfo, "notice": levelInfo, "note": levelInfo, "log": levelInfo,
	"warn": levelWarn, "wrn": levelWarn, "warning": levelWarn,
	"error": levelError, "err": levelError, "eror": levelError, "severe": levelError, "fatal": levelError, "panic": levelError,
	"crit": levelError, "critical": levelError, "alert": levelError, "emerg": levelError, "emergency": levelError,
}

// levelOf returns the level that the first of values names, otherwise that of the text.
func levelOf(text string, values ...json.RawMessage) level {
	for _, value := range values {
		word := textOf(value)
		if found, ok := levelWords[strings.ToLower(strings.TrimSpace(word))]; ok {
			return found
		}
		if word == "" {
			word = string(value)
		}
		if number, err := strconv.ParseUint(word, 10, 8); err == nil {
			return levelOfNumber(number)
		}
	}
	return levelOfText(text)
}

// levelOfNumber knows syslog's 0 to 7 (RFC 5424 6.2.1), and the 10 to 60 of
// bunyan and pino.
func levelOfNumber(number uint64) level {
	switch {
	case number <= 3:
		return levelError
	case number == 4:
		return levelWarn
	case number <= 6:
		return levelInfo
	case number < 30:
		return levelDebug
	case number < 40:
		return levelInfo
	case number < 50:
		return levelWarn
	default:
		return levelError
	}
}

// levelRegion is where in a line its level stands, if it names one.
const levelRegion = 160

// levelOfText looks for a word in capitals, in brackets or behind level=, and
// for the status of an access log. Other words do not count: a page may be called
// error.
func levelOfText(text string) level {
	head := text[:min(len(text), levelRegion)]
	for start := 0; start < len(head); {
		if !isLetter(head[start]) {
			start++
			continue
		}
		end := start
		for end < len(head) && isLetter(head[end]) {
			end++
		}
		if found, ok := wordLevel(head, start, end); ok {
			return found
		}
		start = end
	}
	return levelOfStatus(text)
}

// longestLevel is the length of the longest word, informational.
const longestLevel = 13

func wordLevel(head string, start, end int) (level, bool) {
	word := head[start:end]
	if len(word) < 3 || len(word) > longestLevel {
		return 0, false
	}
	found, ok := levelWords[strings.ToLower(word)]
	if !ok {
		return 0, false
	}
	before, after := byte(' '), byte(' ')
	if start > 0 {
		before = head[start-1]
	}
	if end < len(head) {
		after = head[end]
	}
	switch {
	case isWordByte(before) || isWordByte(after):
		return 0, false
	case before == '[' && after == ']', before == '<' && after == '>', before == '(' && after == ')':
		return found, true
	case word == strings.ToUpper(word) && before != '/' && word != "LOG" && word != "NOTE" && word != "FINE":
		return found, true
	case start == 0 && after == ':':
		return found, true // error: something
	}
	key := strings.TrimRight(head[:start], `"' `)
	if !strings.HasSuffix(key, "=") && !strings.HasSuffix(key, ":") {
		return 0, false
	}
	key = strings.ToLower(strings.TrimRight(key[:len(key)-1], `"' `))
	for _, name := range []string{"level", "lvl", "severity"} {
		if rest, ok := strings.CutSuffix(key, name); ok && !strings.HasSuffix(rest, "?") && !strings.HasSuffix(rest, "&") {
			return found, true // and not a parameter of a URL
		}
	}
	return 0, false
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isWordByte(c byte) bool { return isLetter(c) || c == '_' || c == '-' || c >= '0' && c <= '9' }

// levelOfStatus reads the status behind the request of a line in the common log
// format: "GET / HTTP/1.1" 404.
func levelOfStatus(text string) level {
	_, rest, found := strings.Cut(text, ` HTTP/`)
	if !found {
		return levelOther
	}
	_, rest, found = strings.Cut(rest, `" `)
	if !found || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return levelOther
	}
	status, err := strconv.Atoi(rest[:3])
	switch {
	case err != nil || status < 100 || status > 599:
		return levelOther
	case status >= 500:
		return levelError
	case status >= 400:
		return levelWarn
	default:
		return levelInfo
	}
}
