// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// What the address has behind the #, a filter or a record, outlasts the sign-in: the
// browser keeps it through the redirect.
document.forms[0].action += location.hash;
