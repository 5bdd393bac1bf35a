// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The rows of the page: the newest 2,000, in the order in which the server
// looked at them, and between them gaps, which say what is missing there. The number
// of a gap lies between those of the rows around it.

import { count } from './text.js';
import { seconds } from './time.js';

export const MOST = 2000;

export const leftOut = (left, unread, n) => ({ gap: 'left', left, unread, n });
export const wasAway = (from, to, restarted, n) => ({ gap: 'away', from, to, restarted, n, left: 0, unread: 0 });
const older = (n) => ({ gap: 'older', n, left: 0, unread: 0 });

export function gapText({ gap, left, unread, from, to, restarted }) {
  switch (gap) {
    case 'away':
      return `${restarted ? 'Server was away' : 'Connection was lost'} from ${seconds(from)} to ${seconds(to)}, records may be missing here`;
    case 'older':
      return 'Above: rows that were here before the filter changed';
    default:
      return [left && `${count(left)} left out`, unread && `${count(unread)} not searched`].filter(Boolean).join(', ');
  }
}

export class Rows {
  constructor() {
    this.epoch = 0; // changes when rows come or go other than at the ends
    this.clear();
  }

  clear() {
    this.replace([]);
    this.newest = 0;
  }

  replace(list) {
    this.list = [];
    this.epoch++;
    this.count = 0; // of rows, without gaps
    this.levels = { error: 0, warn: 0, info: 0, debug: 0, other: 0 };
    this.files = new Map();
    this.left = 0; // in the gaps, as is unread
    this.unread = 0;
    for (const item of list) this.push(item);
  }

  tally(item, by) {
    if (item.gap) {
      this.left += by * item.left;
      this.unread += by * item.unread;
      return;
    }
    this.count += by;
    this.levels[item.l] += by;
    const files = (this.files.get(item.f) ?? 0) + by;
    if (files) this.files.set(item.f, files);
    else this.files.delete(item.f);
  }

  push(item) {
    const last = this.list.at(-1);
    if (item.gap === 'left' && !last) return; // nothing is before it
    if (item.gap === 'left' && last.gap === 'left') {
      this.tally(item, 1);
      last.left += item.left;
      last.unread += item.unread;
      last.n = item.n;
      last.version = (last.version ?? 0) + 1;
      return;
    }
    this.list.push(item);
    this.tally(item, 1);
  }

  // add takes rows and gaps of one server. Some rows may be known: after a change of the
  // filter, or of the connection, the server sends again what it still has.
  add(items) {
    const late = [];
    const known = items.some((item) => item.n <= this.newest) && new Set(this.list.map((item) => item.n));
    for (const item of items) {
      if (item.n > this.newest || (item.gap === 'left' && item.n === this.newest && this.list.at(-1)?.gap === 'left')) {
        this.push(item);
        this.newest = item.n;
      } else if (!item.gap && !known.has(item.n)) {
        late.push(item);
      }
    }
    if (late.length) this.replace(this.list.concat(late).sort((a, b) => a.n - b.n));
    this.trim();
  }

  trim() {
    let over = 0;
    for (let rows = this.count; over < this.list.length && (rows > MOST || this.list[over].gap === 'left'); over++) {
      if (!this.list[over].gap) rows--;
    }
    for (const item of this.list.splice(0, over)) this.tally(item, -1);
  }

  // keep leaves the rows that match a new filter. Whether what was left out matches it,
  // nobody knows.
  keep(test) {
    this.replace(this.list.filter((item) => {
      if (!item.gap) return !item.around && test(item);
      item.unread += item.left;
      item.left = 0;
      return item.gap !== 'older';
    }));
    if (this.count === 0) this.replace([]);
  }

  // mark says where the rows begin that came with a new filter.
  mark(n) {
    if (!this.list.length || this.list[0].n >= n) return;
    this.replace(this.list.concat(older(n - 0.25)).sort((a, b) => a.n - b.n));
  }

  // restart is for a server that counts from 1 again: what is here or held stays,
  // and comes before all that it sends.
  restart(held) {
    const all = this.list.concat(held);
    all.forEach((item, i) => { item.n = i - all.length; });
    this.newest = -1;
  }
}
