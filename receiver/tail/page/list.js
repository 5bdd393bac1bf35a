// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The list: only the rows in sight are in the document, and their elements are
// used again. All rows have the same height.

import { clock, fill, plain } from './text.js';

const SPARE = 6; // rows above and below what can be seen
const EMPTY = 600; // rows of empty room at the top, at most

export class List {
  constructor(rows, { onSelect, onOpen, onFollow }) {
    this.rows = rows;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.onFollow = onFollow;
    this.log = document.getElementById('log');
    this.canvas = document.getElementById('rows');
    this.pool = new Map(); // number of a row's place -> element
    this.spare = [];
    this.selected = null;
    this.following = true;
    this.find = null;
    this.origin = rows.base; // the place at the top
    this.top = 0; // where draw has scrolled to
    this.log.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.canvas.addEventListener('click', (event) => {
      const element = event.target.closest('.row');
      if (element && !String(getSelection())) this.select(element.row, true);
    });
    new ResizeObserver(() => this.resized()).observe(this.log);
    this.resized();
  }

  resized() {
    this.view = this.log.clientHeight;
    this.height = parseFloat(getComputedStyle(this.log.parentElement).getPropertyValue('--row')) || 24;
    this.draw();
  }

  // schedule draws before the next picture, however often it is called.
  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { list, base } = this.rows;
    let top = this.rebase(base);
    const total = (base - this.origin + list.length) * this.height;
    if (this.total !== total) {
      this.total = total;
      this.canvas.style.height = `${total}px`;
      this.log.setAttribute('aria-rowcount', list.length);
    }
    if (this.following) top = Math.max(0, total - this.view);
    if (this.top !== top) this.log.scrollTop = top;
    this.top = top;
    const above = base - this.origin;
    const first = Math.max(0, Math.floor(top / this.height) - above - SPARE);
    const last = Math.min(list.length, Math.ceil((top + this.view) / this.height) - above + SPARE);
    for (const [place, element] of this.pool) {
      if (place < base + first || place >= base + last) {
        this.pool.delete(place);
        this.spare.push(element);
      }
    }
    let before = null;
    for (let i = first; i < last; i++) {
      const element = this.place(base + i, i, list[i]);
      // Readers of the document get the rows in their order.
      if (!element.isConnected || element.previousElementSibling !== before) {
        if (before) before.after(element);
        else this.canvas.prepend(element);
      }
      before = element;
    }
    for (const element of this.spare) element.remove();
    this.spare.length = Math.min(this.spare.length, 80);
    this.mark();
  }

  // rebase returns where the list is scrolled to. Rows that go at the top leave
  // their room empty for a while as long as the newest are followed: nobody sees
  // it, and the rows that stay need not be moved, and painted, with each that comes.
  rebase(base) {
    const gone = base - this.origin;
    if (gone === 0 || (this.following && gone > 0 && gone < EMPTY)) return this.following ? this.top : this.log.scrollTop;
    this.origin = base;
    const top = this.log.scrollTop;
    return gone > 0 && gone < 1e5 ? Math.max(0, top - gone * this.height) : top; // beyond, all places are others
  }

  place(place, index, row) {
    let element = this.pool.get(place);
    if (!element) {
      element = this.spare.pop() ?? this.element();
      this.pool.set(place, element);
      element.id = `row-${place}`;
    }
    if (element.row !== row || element.find !== this.find) this.write(element, row);
    if (element.index !== index) {
      element.index = index;
      element.setAttribute('aria-rowindex', index + 1);
    }
    const y = (place - this.origin) * this.height;
    if (element.y !== y) {
      element.y = y;
      element.style.transform = `translateY(${y}px)`;
    }
    return element;
  }

  element() {
    const element = document.createElement('div');
    element.className = 'row';
    element.setAttribute('role', 'row');
    for (const name of ['time', 'level', 'host', 'file', 'message']) {
      const cell = document.createElement('span');
      cell.className = name;
      cell.setAttribute('role', 'gridcell');
      element.append(cell);
    }
    return element;
  }

  write(element, row) {
    element.row = row;
    element.find = this.find;
    element.dataset.level = row.l;
    const [time, level, host, file, message] = element.children;
    time.textContent = clock(row.t);
    level.textContent = row.l === 'other' ? '·' : row.l;
    fill(host, row.h, this.find);
    file.textContent = row.f ? `\u200e${plain(row.f)}` : ''; // cut at its beginning: list.css
    file.title = file.textContent;
    fill(message, row.m, this.find);
  }

  // mark tells which row is selected, in the places that are in the document.
  mark() {
    let active = '';
    for (const element of this.pool.values()) {
      const selected = element.row === this.selected;
      if (selected) active = element.id;
      if ((element.getAttribute('aria-selected') === 'true') !== selected) element.setAttribute('aria-selected', String(selected));
    }
    if (active) this.log.setAttribute('aria-activedescendant', active);
    else this.log.removeAttribute('aria-activedescendant');
  }

  scrolled() {
    const top = this.log.scrollTop;
    if (Math.abs(top - this.top) < 2) return; // it was draw
    const atEnd = this.total - top - this.view < this.height;
    if (this.following ? top < this.top : atEnd && !this.selected) this.follow(!this.following);
    if (!this.following) this.schedule();
  }

  follow(following) {
    if (this.following === following) return;
    this.following = following;
    this.onFollow(following);
    this.schedule();
  }

  select(row, open = false) {
    this.selected = row;
    if (row) {
      this.follow(false);
      this.reveal(row);
    }
    this.draw();
    this.onSelect(row);
    if (row && open) this.onOpen(row);
  }

  // move selects another row: so many further, from the newest at first.
  move(by) {
    const { list } = this.rows;
    if (list.length === 0) return;
    const at = list.indexOf(this.selected);
    const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by;
    this.select(list[Math.min(list.length - 1, Math.max(0, at < 0 && this.following ? list.length - 1 : next))]);
  }

  page() { return Math.max(1, Math.floor(this.log.clientHeight / this.height) - 1); }

  reveal(row) {
    const top = (this.rows.list.indexOf(row) + this.rows.base - this.origin) * this.height;
    if (top < this.log.scrollTop) this.log.scrollTop = top;
    else if (top + this.height > this.log.scrollTop + this.log.clientHeight) this.log.scrollTop = top + this.height - this.log.clientHeight;
  }

  newest() {
    this.selected = null;
    this.onSelect(null);
    this.follow(true);
    this.schedule();
  }
}
