// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package notice knows the modules whose code is in the programs, and their licences. It
// writes them into NOTICE.txt, and hands them to what makes bills of materials. The same
// go.mod gives the same bytes. A module whose licence build/notice/rules.json does not
// allow is an error. Its functions work on the checkout that is the working directory.
package notice
