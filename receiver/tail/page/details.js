// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The whole record, beside the list.

import { copy } from './files.js';
import { fillRecord } from './record.js';
import { fill } from './text.js';
import { date } from './time.js';

const $ = (id) => document.getElementById(id);

export class Details {
  constructor({ onFilter, onColumn, onClose, linkOf }) {
    this.panel = $('details');
    this.body = $('details-body');
    this.onFilter = onFilter;
    this.onColumn = onColumn;
    this.onClose = onClose;
    this.linkOf = linkOf;
    $('details-close').addEventListener('click', () => this.close());
    $('details-copy').addEventListener('click', (event) => this.copied(event.currentTarget, this.row.r));
    $('details-link').addEventListener('click', () => this.copyLink());
  }

  get open() { return !this.panel.hidden; }

  show(row, find) {
    this.row = row;
    this.panel.hidden = false;
    document.body.classList.add('with-details');
    $('details-copy').textContent = 'Copy JSON';
    $('details-link').textContent = 'Copy link';
    $('details-link').hidden = !this.linkOf(row);
    this.body.textContent = '';
    this.body.scrollTop = 0;
    const facts = document.createElement('dl');
    facts.className = 'facts';
    this.body.append(facts);
    this.fact(facts, 'Time', date(row.t));
    const level = this.fact(facts, 'Level', row.l, (not) => this.onFilter({ level: row.l, not }));
    level.className = 'level';
    level.dataset.level = row.l;
    if (row.h) this.fact(facts, 'Host', row.h, (not) => this.onFilter(not ? { path: '.host', value: row.h, not } : { host: row.h }));
    if (row.f) this.fact(facts, 'File', row.f, (not) => this.onFilter({ path: '.file', value: row.f, not }));
    this.fact(facts, 'Agent', row.a);
    const message = this.part('Message', 'pre');
    message.id = 'details-message';
    fill(message, this.messageOf(row), find, true);
    const json = this.part('Record', 'pre', 'click a value to filter by it');
    json.className = 'json';
    fillRecord(json, row.r, find, (element, token) => this.choosable(element, token));
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

  part(title, tag, hint = '') {
    const heading = document.createElement('h3');
    heading.textContent = title;
    if (hint) {
      const small = document.createElement('span');
      small.className = 'hint';
      small.textContent = hint;
      heading.append(' ', small);
    }
    const element = document.createElement(tag);
    this.body.append(heading, element);
    return element;
  }

  // fact adds a line with, if filter is given, buttons that call it.
  fact(list, title, text, filter) {
    const term = document.createElement('dt');
    term.textContent = title;
    const value = document.createElement('dd');
    const inner = document.createElement('span');
    fill(inner, text);
    value.append(inner);
    if (filter) {
      for (const not of [false, true]) {
        value.append(this.button(not ? 'Not this' : 'Only this', `${not ? 'Not this' : 'Only this'} ${title.toLowerCase()}`, () => filter(not)));
      }
    }
    list.append(term, value);
    return value;
  }

  button(text, label, action) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.setAttribute('aria-label', label);
    button.addEventListener('click', action);
    return button;
  }

  // choosable makes a value of the record a button. It is not a <button>, in which text
  // can't be selected.
  choosable(element, { path, value }) {
    element.classList.add('value');
    element.tabIndex = 0;
    element.setAttribute('role', 'button');
    element.setAttribute('aria-expanded', 'false');
    const choose = () => {
      const open = element.getAttribute('aria-expanded') === 'true';
      this.choices?.remove();
      this.chosen?.setAttribute('aria-expanded', 'false');
      this.choices = this.chosen = null;
      if (open) return;
      const choices = document.createElement('span');
      choices.className = 'choices';
      choices.append(
        this.button('Only this', `Only records in which ${path} is this`, () => this.onFilter({ path, value, not: false })),
        this.button('Not this', `Only records in which ${path} is not this`, () => this.onFilter({ path, value, not: true })),
        this.button('Column', `Show ${path} as a column`, () => this.onColumn(path)),
      );
      element.after(choices);
      element.setAttribute('aria-expanded', 'true');
      [this.choices, this.chosen] = [choices, element];
    };
    element.addEventListener('click', () => { if (!String(getSelection())) choose(); });
    element.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      event.stopPropagation();
      choose();
    });
  }

  async copied(button, text) {
    button.textContent = await copy(text) ? 'Copied' : 'Not copied';
  }

  copyLink() {
    const link = this.row && this.linkOf(this.row);
    if (link) this.copied($('details-link'), link);
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
