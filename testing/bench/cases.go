// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
)

// testCase is an output to measure. In the YAML, $URL is the server's and $DIR
// the run's own folder.
type testCase struct {
	name   string
	output string
}

// baseline is the case that others are compared with.
const baseline = "discard"

var cases = []testCase{
	{baseline, `output.discard: {}`},
	{"json", `output.websocket: {hosts: ["$URL"]}`},
	{"json-none", `output.websocket: {hosts: ["$URL"], ack: none}`},
	{"json_lines", `output.websocket: {hosts: ["$URL"], format: json_lines}`},
	{"json_array", `output.websocket: {hosts: ["$URL"], format: json_array}`},
	{"log", `output.websocket: {hosts: ["$URL"], format: log}`},
	{"raw", `output.websocket: {hosts: ["$URL"], format: raw}`},
	{"raw-lines", `output.websocket: {hosts: ["$URL"], format: raw, framing: lines}`},
	{"console", `output.console: {}`},
	{"file", `output.file: {path: "$DIR/out", rotate_every_kb: 102400}`},
}

func (c testCase) usesServer() bool { return strings.Contains(c.output, "$URL") }

// selectCases returns the cases of that list of names, or all.
func selectCases(list string) ([]testCase, error) {
	if list == "all" {
		return cases, nil
	}
	var selected []testCase
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no case %q, there are: %s", name, strings.Join(caseNames(), ", "))
		}
		selected = append(selected, cases[i])
	}
	return selected, nil
}

func caseNames() []string {
	names := make([]string, len(cases))
	for i, c := range cases {
		names[i] = c.name
	}
	return names
}
