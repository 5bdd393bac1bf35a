// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package release makes what is published: archives, debs and rpms, bills of materials, the
// sums of these, and the files of the container images; and a release with its notes. It is
// called by the magefile. The same commit gives the same bytes: no clock is read. Its
// functions work on the checkout that is the working directory, and write below build/dist,
// build/image and .cache.
package release
