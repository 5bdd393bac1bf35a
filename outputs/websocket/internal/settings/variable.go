// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/elastic/go-ucfg"
	"github.com/elastic/go-ucfg/parse"

	conf "github.com/elastic/elastic-agent-libs/config"
)

// variable is the value of a setting that is one ${NAME} and nothing else. What its
// text means depends on the setting, so it is parsed where the setting's type is
// known. go-ucfg parses at once, and would make 42798 of the password 0123456.
type variable struct{ text string }

// String hides the text, which may be a secret.
func (variable) String() string { return "${...}" }

// variables are the ${NAME} of a section. go-ucfg sees a placeholder for each: its
// parser leaves that alone, and its errors quote nothing else.
type variables struct{ texts map[string]string } // by placeholder

// resolve is a resolver of go-ucfg.
func (v *variables) resolve(name string) (string, parse.Config, error) {
	text, err := lookUp(v.expand(name))
	if err != nil {
		return "", parse.NoopConfig, err
	}
	placeholder := fmt.Sprintf("\x00variable %d\x00", len(v.texts))
	v.texts[placeholder] = text
	return placeholder, parse.NoopConfig, nil
}

// expand replaces the placeholders in a text. What a variable contains is not
// searched for more.
func (v *variables) expand(text string) string {
	pairs := make([]string, 0, 2*len(v.texts))
	for placeholder, value := range v.texts {
		pairs = append(pairs, placeholder, value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// replace puts variables and texts in the place of the placeholders below value.
func (v *variables) replace(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			value[key] = v.replace(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = v.replace(inner)
		}
	case string:
		if text, whole := v.texts[value]; whole {
			return variable{text}
		}
		return v.expand(value)
	}
	return value
}

// lookUp returns the text of a variable: of the environment, else of what the Beat
// resolves, such as its keystore.
func lookUp(name string) (string, error) {
	if text := os.Getenv(name); text != "" {
		return text, nil
	}
	// The Beat's resolvers can only be reached through a setting, whose value is
	// parsed. Nothing begins with a comma, so the parser refuses it, and quotes the
	// whole text in its error.
	const key, mark = "value of a variable", "\x00"
	cfg, err := conf.NewConfigFrom(map[string]any{key: "," + mark + "${" + name + "}" + mark})
	if err != nil {
		return "", ucfg.ErrMissing
	}
	_, err = cfg.String(key, -1)
	failure, ok := errors.AsType[ucfg.Error](err)
	if !ok || failure.Reason() == nil {
		return "", ucfg.ErrMissing
	}
	_, after, begins := strings.Cut(failure.Reason().Error(), mark)
	end := strings.LastIndex(after, mark)
	if !begins || end < 0 {
		return "", ucfg.ErrMissing
	}
	return after[:end], nil
}

// parsed returns the number or boolean in the text as go-ucfg reads it, else the
// text.
func (v variable) parsed() any {
	value, err := parse.ValueWithConfig(v.text, parse.EnvConfig)
	switch value.(type) {
	case bool, int64, uint64, float64:
		if err == nil {
			return value
		}
	}
	return v.text
}

// list returns the entries of a text such as "a, b" or "[a, b]". Their texts are as
// written, without quotes around them.
func (v variable) list() []any {
	text := strings.TrimSpace(v.text)
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		value, err := parse.ValueWithConfig(text, parse.EnvConfig)
		if entries, isList := value.([]any); err == nil && isList {
			for i, entry := range entries {
				entries[i] = textOf(entry)
			}
			return entries
		}
	}
	var entries []any
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if len(entry) > 1 && strings.ContainsAny(entry[:1], `"'`) && entry[0] == entry[len(entry)-1] {
			entry = entry[1 : len(entry)-1]
		}
		entries = append(entries, entry)
	}
	return entries
}

func textOf(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case variable:
		return value.text
	}
	return fmt.Sprint(value)
}
