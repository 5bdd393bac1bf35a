// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSecretFileBytes bounds the memory if the name of a large file is given.
const maxSecretFileBytes = 1 << 20

// Tokens are the bearer tokens in a file: one per line, printable ASCII without spaces;
// empty lines and those that begin with # are ignored. The file is read again when it
// has changed. If that fails, the previous tokens stay valid; a file without tokens
// locks everyone out.
//
// Its methods may be called from any goroutine.
type Tokens struct {
	file *reloaded[[]tokenDigest]
}

// tokenDigest is all that is kept of a token. Digests are all of one length, so
// a comparison takes as long for any token.
type tokenDigest [sha256.Size]byte

// OpenTokens reads the file name, which must contain a token. onError, if set, is
// called once when a changed file cannot be read; its errors name the file and the
// line, and never contain a token.
func OpenTokens(name string, onError func(error)) (*Tokens, error) {
	file, err := newReloaded([]string{name}, func() ([]tokenDigest, error) { return readTokens(name) }, onError)
	if err == nil && len(file.value) == 0 {
		err = fmt.Errorf("%s: contains no token", name)
	}
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return &Tokens{file: file}, nil
}

func readTokens(name string) ([]tokenDigest, error) {
	content, err := readSecrets(name)
	if err != nil {
		return nil, err
	}
	digests, err := parseTokens(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return digests, nil
}

// readSecrets returns the content of the file, unless that is too long.
func readSecrets(name string) (content []byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err = io.ReadAll(io.LimitReader(file, maxSecretFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxSecretFileBytes {
		return nil, fmt.Errorf("%s: longer than %d bytes", name, maxSecretFileBytes)
	}
	return content, nil
}

func parseTokens(content []byte) ([]tokenDigest, error) {
	var digests []tokenDigest
	number := 0
	for line := range bytes.Lines(content) {
		number++
		token := bytes.TrimSpace(line)
		if len(token) == 0 || token[0] == '#' {
			continue
		}
		for _, c := range token {
			if c <= ' ' || c > '~' {
				return nil, fmt.Errorf("line %d: not one token of printable ASCII", number)
			}
		}
		digests = append(digests, sha256.Sum256(token))
	}
	return digests, nil
}

// Valid reports whether token is in the file. How long it takes says nothing about
// the tokens.
func (t *Tokens) Valid(token string) bool {
	given := sha256.Sum256([]byte(token))
	valid := 0
	for _, digest := range t.file.get() {
		valid |= subtle.ConstantTimeCompare(given[:], digest[:])
	}
	return valid == 1
}
