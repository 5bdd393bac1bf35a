// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// How high a row is when its message is wrapped. Most messages are counted: their
// characters are of one width. The others are put into the document and measured.

import { bare, fill, isPlain } from './text.js';

const LINE = 20; // px
const MOST_LINES = 10; // the whole message is in the record: list.css cuts there, too

export class Measure {
  constructor(log) {
    this.probe = document.createElement('div');
    this.probe.className = 'probe';
    this.probe.setAttribute('aria-hidden', 'true');
    log.append(this.probe);
  }

  prepare(columns, wrap) {
    if (!wrap) return;
    this.probe.replaceChildren(...columns.map(([name]) => {
      const cell = document.createElement('span');
      cell.className = name;
      return cell;
    }));
    this.message = this.probe.lastChild;
    this.message.textContent = 'x'.repeat(100);
    const range = document.createRange();
    range.selectNodeContents(this.message);
    this.message.style.whiteSpace = 'pre';
    const character = range.getBoundingClientRect().width / 100;
    this.message.style.whiteSpace = '';
    this.characters = Math.max(1, Math.floor(this.message.clientWidth / character + 0.01));
  }

  // more is how much higher a row is than with one line.
  more(row) {
    const text = bare(row.m);
    let lines;
    if (isPlain(text)) {
      lines = text.split('\n').reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / this.characters)), 0);
    } else {
      fill(this.message, row.m, null, true);
      lines = Math.round(this.message.scrollHeight / LINE);
    }
    return (Math.min(Math.max(1, lines), MOST_LINES) - 1) * LINE;
  }
}
