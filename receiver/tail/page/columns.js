// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Which columns the list has, and how the rows are shown: the choices of one browser,
// which it remembers.

import { fieldOf } from './record.js';
import { cutPath, fill, plain } from './text.js';
import { clock } from './time.js';

const narrow = matchMedia('(max-width: 1020px)');
const phone = matchMedia('(max-width: 760px)');

// A column: its width, and how it fills a cell.
const known = {
  time: { title: 'Time', width: '98px', fill: (cell, row) => { cell.textContent = clock(row.t); } },
  level: { title: 'Level', width: '58px', fill: (cell, row) => { cell.textContent = row.l === 'other' ? '·' : row.l; } },
  host: { title: 'Host', width: '120px', fill: (cell, row, find) => fill(cell, row.h, find) },
  file: {
    title: 'File',
    width: '184px',
    fill: (cell, row) => {
      cell.textContent = cutPath(plain(row.f), 24);
      cell.title = plain(row.f);
    },
  },
  message: { title: 'Message', width: 'minmax(0, 1fr)', fill: (cell, row, find, wrap) => fill(cell, row.m, find, wrap) },
};

const field = (path) => ({ title: path, width: '132px', fill: (cell, row, find) => fill(cell, fieldOf(row, path), find) });

export class View {
  constructor() {
    Object.assign(this, { hidden: [], fields: [], file: null, wrap: false, utc: false });
    try {
      const { hidden, fields, file, wrap, utc } = JSON.parse(localStorage.getItem('view') ?? '{}');
      if (Array.isArray(hidden)) this.hidden = hidden.filter((name) => name in known);
      if (Array.isArray(fields)) this.fields = fields.filter((path) => typeof path === 'string').slice(0, 8);
      if (typeof file === 'boolean') this.file = file;
      this.wrap = wrap === true;
      this.utc = utc === true;
    } catch {
      // No storage, or nothing useful in it.
    }
  }

  change(changes) {
    Object.assign(this, changes);
    try {
      const { hidden, fields, file, wrap, utc } = this;
      localStorage.setItem('view', JSON.stringify({ hidden, fields, file, wrap, utc }));
    } catch {
      // No storage: it lasts until the page is left.
    }
  }

  // shows reports whether a column is there. The one of files is when there is more than
  // one of them, and room, unless it was chosen.
  shows(name, files, details) {
    if (name !== 'file') return !this.hidden.includes(name);
    return this.file ?? (files > 1 && !narrow.matches && !details);
  }

  // columns returns [name, column] for each, from the left.
  columns(files, details) {
    const names = ['time', 'level', 'host', 'file'].filter((name) => this.shows(name, files, details));
    return [...names.map((name) => [name, known[name]]), ...this.fields.map((path) => ['field', field(path)]), ['message', known.message]];
  }

  // template is the grid of a row: on a phone, all but the message are in its first line.
  template(columns) {
    if (!phone.matches) return columns.map(([, { width }]) => width).join(' ');
    return `${'auto '.repeat(Math.max(0, columns.length - 2))}minmax(0, 1fr)`;
  }
}
