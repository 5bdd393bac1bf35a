// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"fmt"
	"strings"
)

// maxSharedKeyBytes is the longest text in the handshake of Fluent Forward.
const maxSharedKeyBytes = 1024

// SharedKey is the key in a file, without the line break at its end. The file is read
// again when it has changed. If that fails, the previous key stays valid.
//
// Its methods may be called from any goroutine.
type SharedKey struct{ file *reloaded[string] }

// OpenSharedKey reads the file name. onError, if set, is called once when a changed file
// cannot be used; its errors never contain the key.
func OpenSharedKey(name string, onError func(error)) (*SharedKey, error) {
	file, err := newReloaded([]string{name}, func() (string, error) { return readSharedKey(name) }, onError)
	if err != nil {
		return nil, err
	}
	return &SharedKey{file: file}, nil
}

// Get returns the key.
func (k *SharedKey) Get() string { return k.file.get() }

func readSharedKey(name string) (string, error) {
	content, err := readSecrets(name)
	if err != nil {
		return "", err
	}
	key := bytes.TrimRight(content, "\r\n")
	switch {
	case len(key) == 0:
		return "", fmt.Errorf("%s: contains no key", name)
	case bytes.ContainsAny(key, "\r\n"):
		return "", fmt.Errorf("%s: more than one line", name)
	case len(key) > maxSharedKeyBytes:
		return "", fmt.Errorf("%s: longer than %d bytes", name, maxSharedKeyBytes)
	}
	return string(key), nil
}

// Users are the passwords in a file by the name of the user: one user:password per line;
// empty lines and those that begin with # are ignored. The file is read again when it has
// changed. If that fails, the previous users stay valid; a file without users locks
// everyone out.
//
// Its methods may be called from any goroutine.
type Users struct{ file *reloaded[map[string]string] }

// OpenUsers reads the file name, which must contain a user. onError is as for
// OpenSharedKey.
func OpenUsers(name string, onError func(error)) (*Users, error) {
	file, err := newReloaded([]string{name}, func() (map[string]string, error) { return readUsers(name) }, onError)
	if err == nil && len(file.value) == 0 {
		err = fmt.Errorf("%s: contains no user", name)
	}
	if err != nil {
		return nil, err
	}
	return &Users{file: file}, nil
}

// Get returns the passwords, which must not be changed. It is never nil.
func (u *Users) Get() map[string]string { return u.file.get() }

func readUsers(name string) (map[string]string, error) {
	content, err := readSecrets(name)
	if err != nil {
		return nil, err
	}
	users := map[string]string{}
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		user, password, found := strings.Cut(line, ":")
		if !found || user == "" || password == "" {
			return nil, fmt.Errorf("%s: line %d: not user:password", name, number)
		}
		users[user] = password
	}
	return users, nil
}
