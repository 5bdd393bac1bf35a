// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The filters, and a record, in the page's address: behind the #, which browsers do not
// send to anyone.

import { Query } from './query.js';

// A link of old has the filters in its query.
if (location.search) {
  const old = Query.from(location.search).parameters;
  const hash = location.hash || (old ? `#${old}` : '');
  history.replaceState(null, '', location.pathname + hash);
}

export const read = () => Query.from(location.hash.slice(1));

export function write(query) {
  history.replaceState(null, '', query.parameters ? `#${query.parameters}` : location.pathname);
}

// recordIn returns the record that the address names, if it does.
export function recordIn() {
  const parts = /^(\w+)\.(\d+)$/.exec(new URLSearchParams(location.hash.slice(1)).get('record') ?? '');
  return parts && { boot: parts[1], n: Number(parts[2]) };
}

// linkTo is for a record of the server that runs now: others have no number.
export const linkTo = (boot, row) => (row.n > 0 ? `${location.origin}${location.pathname}#record=${boot}.${row.n}` : '');
