// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package cli has what the flags of the programs have in common.
package cli

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// WriteFlags writes the help of all flags.
func WriteFlags(w io.Writer, flags *flag.FlagSet) {
	flags.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		if name != "" && f.DefValue != "" {
			text += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		_, _ = fmt.Fprintf(w, "  %s\n    \t%s\n", strings.TrimSpace("--"+f.Name+" "+name), text)
	})
}

// CheckPair returns an error if only one of two flags is set; other is the name of the
// second.
func CheckPair(other, value, otherValue string) error {
	if (value == "") != (otherValue == "") {
		return fmt.Errorf("has to be set together with --%s", other)
	}
	return nil
}

// CheckNeeds returns an error if a flag is set without the one that it needs.
func CheckNeeds(other, value, otherValue string) error {
	if value != "" && otherValue == "" {
		return fmt.Errorf("needs --%s", other)
	}
	return nil
}
