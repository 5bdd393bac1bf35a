// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The list: only the rows in sight are in the document, and their elements are
// used again. Each item of the list knows its place: y, and how high it is.

import { Measure } from './measure.js';
import { gapText } from './rows.js';

const SPARE = 6; // items above and below what can be seen
const EMPTY = 14400; // px of empty room at the top, at most

// HELD is for how many ms what still scrolls does not leave the newest rows again.
const HELD = 500;

const still = matchMedia('(prefers-reduced-motion: reduce)');

export class List {
  constructor(rows, view, { onSelect, onOpen, onFollow }) {
    this.rows = rows;
    this.view = view;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.onFollow = onFollow;
    this.frameElement = document.getElementById('list');
    this.head = document.getElementById('head');
    this.log = document.getElementById('log');
    this.canvas = document.getElementById('rows');
    this.measure = new Measure(this.log);
    this.pool = new Map(); // item -> element
    this.spare = { row: [], gap: [] };
    this.selected = null;
    this.following = true;
    this.held = 0;
    this.find = null;
    this.columns = [];
    this.look = 0; // changes with the columns and all that a row's text depends on
    this.stamp = 0; // of the layout: items with another one have no place
    this.origin = 0; // y of the top
    this.top = 0; // where draw has scrolled to
    this.log.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.log.addEventListener('scrollend', () => this.align());
    for (const begins of ['wheel', 'touchstart', 'pointerdown']) this.log.addEventListener(begins, () => { this.held = 0; }, { passive: true });
    this.canvas.addEventListener('click', (event) => {
      const element = event.target.closest('.row');
      if (element && !String(getSelection())) this.select(element.item, true);
    });
    new ResizeObserver(() => this.resized()).observe(this.frameElement);
  }

  // arrange shows other columns, or the same ones otherwise.
  arrange(columns) {
    this.columns = columns;
    this.look++;
    this.spare = { row: [], gap: [] };
    for (const element of this.pool.values()) element.remove();
    this.pool.clear();
    this.frameElement.style.setProperty('--columns', this.view.template(columns));
    this.frameElement.classList.toggle('wrap', this.view.wrap);
    this.log.setAttribute('aria-colcount', columns.length);
    this.resized();
  }

  resized() {
    this.height = parseFloat(getComputedStyle(this.frameElement).getPropertyValue('--row')) || 24;
    // As many rows as fit: none is cut in half.
    const room = this.frameElement.clientHeight - this.head.offsetHeight;
    this.room = Math.max(1, Math.floor(room / this.height)) * this.height;
    this.log.style.height = `${this.room}px`;
    this.relayout();
    this.draw();
  }

  // schedule draws before the next picture, however often it is called.
  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  // relayout gives each item its place anew, and leaves the first in sight where it is.
  relayout() {
    this.anchor ??= this.following ? null : this.first;
    this.stamp++;
    this.epoch = this.rows.epoch;
  }

  // layout gives places to the items that have none.
  layout() {
    const { list } = this.rows;
    if (this.epoch !== this.rows.epoch) this.relayout();
    let first = list.length;
    while (first > 0 && list[first - 1].stamp !== this.stamp) first--;
    if (first === 0) this.origin = 0;
    if (first < list.length) this.measure.prepare(this.columns, this.view.wrap);
    for (let i = first; i < list.length; i++) {
      const before = list[i - 1];
      list[i].y = before ? before.y + before.height : 0;
      list[i].height = this.height + (this.view.wrap && !list[i].gap ? this.measure.more(list[i]) : 0);
      list[i].stamp = this.stamp;
    }
  }

  // scrollTarget is where the list is to be scrolled to. Rows that go at the top leave
  // their room empty for a while as long as the newest are followed: nobody sees
  // it, and the rows that stay need not be moved, and painted, with each that comes.
  scrollTarget() {
    let top = this.log.scrollTop;
    const start = this.rows.list[0]?.y ?? 0;
    const gone = start - this.origin;
    if (!this.following || gone >= EMPTY || gone < 0) {
      this.origin = start;
      top = Math.max(0, top - gone);
    }
    if (this.anchor) {
      if (this.anchor.item.stamp === this.stamp) top = this.anchor.item.y - this.origin + this.anchor.by;
      this.anchor = null;
    }
    return top;
  }

  // indexAt returns the first item that ends below y.
  indexAt(y) {
    const { list } = this.rows;
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].y + list[middle].height > y) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  draw() {
    const { list } = this.rows;
    this.layout();
    let top = this.scrollTarget();
    const last = list.at(-1);
    const total = last ? last.y + last.height - this.origin : 0;
    if (this.total !== total) {
      this.total = total;
      this.canvas.style.height = `${total}px`;
      this.log.setAttribute('aria-rowcount', list.length);
    }
    if (this.following) top = Math.max(0, total - this.room);
    if (Math.abs(this.log.scrollTop - top) > 0.5) this.log.scrollTop = top;
    this.top = top;
    const first = this.indexAt(top + this.origin);
    this.first = first < list.length ? { item: list[first], by: Math.max(0, top + this.origin - list[first].y) } : null;
    const from = Math.max(0, first - SPARE);
    const items = [];
    for (let i = from, after = 0; i < list.length && after < SPARE; i++) {
      items.push(list[i]);
      if (list[i].y - this.origin >= top + this.room) after++;
    }
    const wanted = new Set(items);
    for (const [item, element] of this.pool) {
      if (!wanted.has(item)) {
        this.pool.delete(item);
        this.spare[item.gap ? 'gap' : 'row'].push(element);
      }
    }
    let before = null;
    items.forEach((item, i) => {
      const element = this.place(item, from + i, top);
      // Readers of the document get the rows in their order.
      if (!element.isConnected || element.previousElementSibling !== before) {
        if (before) before.after(element);
        else this.canvas.prepend(element);
      }
      before = element;
    });
    for (const spare of Object.values(this.spare)) {
      for (const element of spare) element.remove();
      spare.length = Math.min(spare.length, 60);
    }
    this.markSelected();
  }

  place(item, index, top) {
    let element = this.pool.get(item);
    if (!element) {
      element = this.spare[item.gap ? 'gap' : 'row'].pop() ?? this.element(item);
      this.pool.set(item, element);
      element.item = null;
    }
    if (element.item !== item || element.find !== this.find || element.version !== item.version || element.look !== this.look) this.write(element, item);
    if (element.index !== index) {
      element.index = index;
      element.setAttribute('aria-rowindex', index + 1);
    }
    const y = item.y - this.origin;
    if (element.y !== y) {
      element.y = y;
      element.style.transform = `translateY(${y}px)`;
    }
    if (element.height !== item.height) {
      element.height = item.height;
      element.style.height = `${item.height}px`;
    }
    // What would be cut is not shown, unless nothing else would be.
    const end = y + item.height;
    const cut = item.height < this.room && ((y < top - 1 && end > top + 1) || (y < top + this.room - 1 && end > top + this.room + 1));
    if (element.cut !== cut) {
      element.cut = cut;
      element.classList.toggle('cut', cut);
    }
    return element;
  }

  element(item) {
    const element = document.createElement('div');
    element.className = item.gap ? 'gap' : 'row';
    element.setAttribute('role', 'row');
    for (const name of item.gap ? ['what'] : this.columns.map(([column]) => column)) {
      const cell = document.createElement('span');
      cell.className = name;
      cell.setAttribute('role', 'gridcell');
      element.append(cell);
    }
    return element;
  }

  write(element, item) {
    Object.assign(element, { item, find: this.find, version: item.version, look: this.look });
    if (item.gap) {
      element.dataset.gap = item.gap;
      element.firstChild.textContent = gapText(item);
      return;
    }
    element.id = `row-${item.n}`;
    element.dataset.level = item.l;
    element.classList.toggle('around', Boolean(item.around));
    this.columns.forEach(([, column], i) => column.fill(element.children[i], item, item.around ? null : this.find, this.view.wrap));
  }

  // markSelected tells which row is selected, among those that are in the document.
  markSelected() {
    let active = '';
    for (const element of this.pool.values()) {
      if (element.item.gap) continue;
      const selected = element.item === this.selected;
      if (selected) active = element.id;
      if ((element.getAttribute('aria-selected') === 'true') !== selected) element.setAttribute('aria-selected', String(selected));
    }
    if (active) this.log.setAttribute('aria-activedescendant', active);
    else this.log.removeAttribute('aria-activedescendant');
  }

  scrolled() {
    const top = this.log.scrollTop;
    if (Math.abs(top - this.top) < 2) return; // it was draw
    const atEnd = this.total - top - this.room < this.height;
    if (this.following && performance.now() < this.held) return void this.schedule();
    if (this.following ? top < this.top : atEnd && !this.selected) this.follow(!this.following);
    if (!this.following) this.schedule();
  }

  // align moves the list, once it is at rest, so that it begins with a whole row.
  align() {
    if (this.following) return;
    const top = this.log.scrollTop;
    if (top >= this.total - this.room - 1) return;
    const item = this.rows.list[this.indexAt(top + this.origin)];
    if (!item) return;
    const over = top - (item.y - this.origin);
    if (over < 1 || item.height >= this.room) return;
    const target = over * 2 < item.height ? top - over : top - over + item.height;
    this.log.scrollTo({ top: target, behavior: still.matches ? 'instant' : 'smooth' });
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
    const list = this.rows.list.filter((item) => !item.gap);
    if (list.length === 0) return;
    const at = list.indexOf(this.selected);
    const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by;
    this.select(list[Math.min(list.length - 1, Math.max(0, at < 0 && this.following ? list.length - 1 : next))]);
  }

  page() { return Math.max(1, Math.floor(this.room / this.height) - 1); }

  reveal(row) {
    this.layout();
    const top = row.y - this.origin;
    if (top < this.log.scrollTop) this.log.scrollTop = top;
    else if (top + row.height > this.log.scrollTop + this.room) this.log.scrollTop = top + row.height - this.room;
  }

  newest() {
    this.selected = null;
    this.onSelect(null);
    this.held = performance.now() + HELD;
    this.follow(true);
    this.schedule();
  }
}
