// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The whole record, beside the list.

import { date, fill, fillJSON } from './text.js';

const $ = (id) => document.getElementById(id);

export class Details {
  constructor({ onFilter, onClose }) {
    this.panel = $('details');
    this.body = $('details-body');
    this.onFilter = onFilter;
    this.onClose = onClose;
    $('details-close').addEventListener('click', () => this.close());
    $('details-copy').addEventListener('click', () => this.copy());
  }

  get open() { return !this.panel.hidden; }

  show(row, find) {
    this.row = row;
    this.panel.hidden = false;
    document.body.classList.add('with-details');
    $('details-copy').textContent = 'Copy JSON';
    this.body.textContent = '';
    this.body.scrollTop = 0;
    const facts = document.createElement('dl');
    facts.className = 'facts';
    this.body.append(facts);
    this.fact(facts, 'Time', date(row.t));
    const level = this.fact(facts, 'Level', row.l, { level: row.l });
    level.className = 'level';
    level.dataset.level = row.l;
    if (row.h) this.fact(facts, 'Host', row.h, { host: row.h });
    if (row.f) this.fact(facts, 'File', row.f);
    this.fact(facts, 'Agent', row.a);
    const message = this.part('Message', 'pre');
    message.id = 'details-message';
    fill(message, this.messageOf(row), find, true);
    const json = this.part('Record', 'pre');
    json.className = 'json';
    fillJSON(json, row.r, find);
    if (row.c) {
      const note = document.createElement('p');
      note.className = 'note';
      note.textContent = 'The record is longer than what is shown.';
      this.body.append(note);
    }
  }

  // messageOf has the whole message where the row has only its beginning.
  messageOf(row) {
    if (!row.m.endsWith('…')) return row.m;
    try {
      const record = JSON.parse(row.r);
      const message = [record.message, record.short_message, record.msg, record.log].find((one) => typeof one === 'string');
      return message ?? row.m;
    } catch {
      return row.m;
    }
  }

  part(title, tag) {
    const heading = document.createElement('h3');
    heading.textContent = title;
    const element = document.createElement(tag);
    this.body.append(heading, element);
    return element;
  }

  fact(list, title, text, filter) {
    const term = document.createElement('dt');
    term.textContent = title;
    const value = document.createElement('dd');
    const inner = document.createElement('span');
    fill(inner, text);
    value.append(inner);
    if (filter) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Only this';
      button.setAttribute('aria-label', `Only this ${title.toLowerCase()}`);
      button.addEventListener('click', () => this.onFilter(filter));
      value.append(button);
    }
    list.append(term, value);
    return value;
  }

  async copy() {
    let done = 'Copied';
    try {
      await navigator.clipboard.writeText(this.row.r);
    } catch {
      // Without TLS a browser has no clipboard but for its own keys.
      const range = document.createRange();
      range.selectNodeContents(this.body.querySelector('.json'));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done = 'Selected';
    }
    $('details-copy').textContent = done;
  }

  close() {
    if (!this.open) return;
    const within = this.panel.contains(document.activeElement);
    this.panel.hidden = true;
    this.row = null;
    document.body.classList.remove('with-details');
    this.onClose(within);
  }
}
