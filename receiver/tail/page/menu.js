// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The menu of the view: columns, wrapping, time zone, context.

import { plain } from './text.js';

const $ = (id) => document.getElementById(id);
const MOST_FIELDS = 8;
const contexts = [0, 2, 5];

export class Menu {
  constructor(view, { onChange, onContext }) {
    this.view = view;
    this.onChange = onChange;
    this.onContext = onContext;
    this.context = 0;
    $('view-toggle').addEventListener('click', () => this.toggle());
    document.addEventListener('pointerdown', (event) => {
      if (this.open && !event.target.closest('#view, #view-toggle')) this.toggle();
    });
    for (const box of document.querySelectorAll('#view [data-column]')) {
      box.addEventListener('change', () => this.set(box.dataset.column, box.checked));
    }
    for (const name of ['wrap', 'utc']) {
      $(`view-${name}`).addEventListener('change', (event) => this.change({ [name]: event.target.checked }));
    }
    $('context').addEventListener('change', (event) => onContext(Number(event.target.value)));
    $('field').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !event.target.value.trim()) return;
      event.preventDefault();
      this.add(event.target.value.trim());
      event.target.value = '';
    });
  }

  get open() { return !$('view').hidden; }

  toggle() {
    $('view').hidden = this.open;
    $('view-toggle').setAttribute('aria-expanded', String(this.open));
    if (!this.open) $('view-toggle').focus();
  }

  change(changes) {
    this.view.change(changes);
    this.onChange();
  }

  set(name, on) {
    if (name === 'file') this.change({ file: on });
    else this.change({ hidden: on ? this.view.hidden.filter((one) => one !== name) : [...this.view.hidden, name] });
  }

  add(path) {
    const { fields } = this.view;
    if (!fields.includes(path)) this.change({ fields: [...fields, path].slice(-MOST_FIELDS) });
  }

  nextContext() { this.onContext(contexts[(contexts.indexOf(this.context) + 1) % contexts.length]); }

  tellContext(context) {
    this.context = context;
    const select = $('context');
    if (![...select.options].some((option) => Number(option.value) === context)) select.append(new Option(`${context} records`, context));
    select.value = context;
  }

  // tell shows what is chosen.
  tell(files, details) {
    for (const box of document.querySelectorAll('#view [data-column]')) box.checked = this.view.shows(box.dataset.column, files, details);
    $('view-wrap').checked = this.view.wrap;
    $('view-utc').checked = this.view.utc;
    $('view-fields').replaceChildren(...this.view.fields.map((path) => {
      const label = document.createElement('label');
      const box = document.createElement('input');
      box.type = 'checkbox';
      box.checked = true;
      box.addEventListener('change', () => this.change({ fields: this.view.fields.filter((one) => one !== path) }));
      label.append(box, ` ${plain(path)}`);
      return label;
    }));
  }
}
