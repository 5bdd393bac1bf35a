// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The filters that are on: levels with how many rows of each are here, and fields.

import { plain, put, short } from './text.js';

const $ = (id) => document.getElementById(id);

const names = { '.host': 'host', '.file': 'file' };

export class Chips {
  constructor({ onLevel, onRemove }) {
    this.buttons = [...document.querySelectorAll('.levels button')];
    for (const button of this.buttons) button.addEventListener('click', () => onLevel(button.dataset.level));
    this.onRemove = onRemove;
  }

  // show is for a new query.
  show(query) {
    for (const button of this.buttons) button.setAttribute('aria-pressed', String(query.levels.includes(button.dataset.level)));
    $('fields').hidden = query.fields.length === 0;
    $('fields').replaceChildren(...query.fields.map((field) => {
      const text = plain(`${names[field.path] ?? field.path} is ${field.not ? 'not ' : ''}${field.value || 'empty'}`);
      const chip = document.createElement('button');
      chip.type = 'button';
      chip.className = field.not ? 'chip not' : 'chip';
      chip.setAttribute('aria-label', `Remove the filter: ${text}`);
      const inner = document.createElement('span');
      inner.textContent = text;
      chip.append(inner, '×');
      chip.addEventListener('click', () => this.onRemove(field));
      return chip;
    }));
    this.levels = query.levels;
  }

  // count says how many rows the list has of each level, if it has any of them.
  count(levels) {
    for (const button of this.buttons) {
      const { level } = button.dataset;
      const known = !this.levels.length || this.levels.includes(level);
      put(button.querySelector('.count'), known ? short(levels[level]) : '');
    }
  }
}
