// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package check finds what a commit must not have: code that is not formatted, files
// without a header, paths of a developer's machine, generated files that are not up to
// date, what go vet and the linter report. It knows which tests are unit tests, and runs
// the fuzz targets. It is called by the magefile. It works on the checkout that is the
// working directory, and changes no file of it but the corpus of a fuzz target that fails.
package check
