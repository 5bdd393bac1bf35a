// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The filters. The server applies them to the stream (query.go there); here they
// are applied to the rows that the page has already, and find what to mark.

import { valuesOf } from './record.js';

const special = /[.*+?^${}()|[\]\\/]/g;

// expressionOf reads /a regular expression/ or /one/i; anything else is text,
// which is found without regard to case. null is for what only the server may
// understand: its regular expressions are RE2's.
function expressionOf(search) {
  const parts = /^\/(.+)\/(i?)$/su.exec(search);
  try {
    return parts ? new RegExp(parts[1], `gu${parts[2]}`) : new RegExp(search.replace(special, '\\$&'), 'giu');
  } catch {
    return null;
  }
}

const readField = (not) => (text) => {
  const at = text.indexOf('=');
  return { path: text.slice(0, at), value: text.slice(at + 1), not };
};

export class Query {
  constructor({ search = '', levels = [], host = '', fields = [], context = 0 } = {}) {
    Object.assign(this, { search, levels, host, fields, context });
    this.isText = !/^\/.+\/i?$/su.test(search);
    const expression = search ? expressionOf(search) : null;
    this.find = expression && ((text) => {
      const ranges = [];
      for (const found of text.matchAll(expression)) {
        if (found[0]) ranges.push([found.index, found.index + found[0].length]);
      }
      return ranges;
    });
    this.lower = search.toLowerCase();
  }

  // with returns the query with some of its parts changed.
  with(changes) { return new Query({ ...this, ...changes }); }

  get empty() { return !this.search && this.levels.length === 0 && !this.host && this.fields.length === 0; }

  get parameters() {
    const parameters = new URLSearchParams();
    if (this.search) parameters.set('q', this.search);
    if (this.levels.length) parameters.set('level', this.levels.join(','));
    if (this.host) parameters.set('host', this.host);
    for (const { path, value, not } of this.fields) parameters.append(not ? 'not' : 'is', `${path}=${value}`);
    if (this.context && !this.empty) parameters.set('context', this.context);
    return parameters.toString();
  }

  static from(parameters) {
    const p = new URLSearchParams(parameters);
    return new Query({
      search: p.get('q') ?? '',
      levels: (p.get('level') ?? '').split(',').filter(Boolean),
      host: p.get('host') ?? '',
      fields: [...p.getAll('is').map(readField(false)), ...p.getAll('not').map(readField(true))],
      context: Number(p.get('context')) || 0,
    });
  }

  // matches is for rows that are here. A regular expression is left to the
  // server, which sends again what it still has: the two dialects differ, and
  // this one may take forever.
  matches(row) {
    if (this.levels.length && !this.levels.includes(row.l)) return false;
    if (this.host && this.host !== row.h) return false;
    if (this.fields.length) {
      const values = valuesOf(row);
      if (!this.fields.every(({ path, value, not }) => Boolean(values.get(path)?.includes(value)) !== not)) return false;
    }
    if (!this.search) return true;
    if (!this.isText) return false;
    return [row.m, row.h, row.r].some((text) => text.toLowerCase().includes(this.lower));
  }
}
