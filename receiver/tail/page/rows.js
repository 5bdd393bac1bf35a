// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The rows of the page: the newest 2,000, in the order in which the server
// looked at them.

export const MOST = 2000;

export class Rows {
  constructor() {
    this.clear();
  }

  clear() {
    this.list = [];
    this.base = (this.base ?? 0) + 1e6; // no number twice: numbers name elements
    this.newest = 0;
  }

  // add takes rows of one server. Some may be known: after a change of the
  // filter, or of the connection, the server sends again what it still has.
  add(rows) {
    if (rows.length === 0) return;
    if (rows[0].n <= this.newest) {
      const known = new Set(this.list.map((row) => row.n));
      const late = rows.filter((row) => row.n <= this.newest && !known.has(row.n));
      if (late.length) {
        this.list = this.list.concat(late).sort((a, b) => a.n - b.n);
        this.base += 1e6; // places have changed
      }
      rows = rows.filter((row) => row.n > this.newest);
    }
    for (const row of rows) this.list.push(row);
    if (this.list.length) this.newest = Math.max(this.newest, this.list.at(-1).n);
    this.trim();
  }

  trim() {
    const over = this.list.length - MOST;
    if (over > 0) {
      this.list.splice(0, over);
      this.base += over;
    }
  }

  keep(test) {
    this.list = this.list.filter(test);
    this.base += 1e6;
  }

  // restart is for a server that counts from 1 again: what is here or held stays,
  // and comes before all that it sends.
  restart(held) {
    const all = this.list.concat(held);
    all.forEach((row, i) => { row.n = i - all.length; });
    this.newest = 0;
  }
}
