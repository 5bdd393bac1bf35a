// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Events by level over the last minutes, all that arrive. Its numbers are in the text
// beside it, and in its label.

import { count, rate } from './text.js';
import { seconds } from './time.js';

const SECONDS = 300;
const BAR = 4; // px, with the space beside it
const order = ['error', 'warn', 'info', 'debug', 'other']; // from the bottom

export class Histogram {
  constructor(canvas, told) {
    this.canvas = canvas;
    this.told = told;
    this.usual = told.textContent;
    this.values = []; // of each second: rates by level
    this.names = [];
    this.second = 0; // the number of the newest
    this.colour();
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener('pointermove', (event) => {
      this.at = event.offsetX;
      this.tell();
    });
    canvas.addEventListener('pointerleave', () => {
      this.at = null;
      this.tell();
    });
  }

  colour() {
    const { style } = this.canvas;
    const colour = (value) => {
      style.color = value;
      return getComputedStyle(this.canvas).color;
    };
    this.colours = Object.fromEntries(order.map((level) => [level, colour(`var(--bar-${level})`)]));
    this.grid = colour('var(--line)');
    this.label = colour('var(--faint)');
    this.font = `10.5px ${getComputedStyle(this.canvas).fontFamily}`;
    this.draw();
  }

  set(names, values) {
    this.names = names;
    this.values = values.slice(-SECONDS);
    this.draw();
  }

  add(now, levels) {
    this.now = now;
    this.second++;
    this.values.push(levels);
    if (this.values.length > SECONDS) this.values.shift();
    this.draw();
    if (this.second % 5 === 1) this.name();
    this.tell();
  }

  // bars sums the seconds up. A second stays in the same bar as time goes by.
  bars() {
    const bars = Math.max(10, Math.floor(this.canvas.clientWidth / BAR));
    const width = Math.ceil(SECONDS / bars); // in seconds
    const sums = [];
    this.values.forEach((levels, i) => {
      const second = this.second - this.values.length + 1 + i;
      const bar = Math.floor(this.second / width) - Math.floor(second / width);
      const sum = sums[bar] ??= { seconds: 0, levels: this.names.map(() => 0) };
      sum.seconds++;
      levels.forEach((value, level) => { sum.levels[level] += value; });
    });
    return { sums, width, bars: Math.ceil(SECONDS / width) };
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const c = canvas.getContext('2d');
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const [top, floor] = [14, height - 15];
    c.fillStyle = this.grid;
    c.fillRect(0, floor, width, 1);
    const { sums, bars } = this.bars();
    const most = Math.max(1, ...sums.filter(Boolean).map((sum) => sum.levels.reduce((a, b) => a + b, 0) / sum.seconds));
    const step = width / bars;
    sums.forEach((sum, i) => {
      const x = width - (i + 1) * step;
      let y = floor;
      for (const level of order) {
        const value = sum.levels[this.names.indexOf(level)] / sum.seconds;
        if (!(value > 0)) continue;
        const tall = Math.max(1, (value / most) * (floor - top));
        c.fillStyle = this.colours[level];
        c.fillRect(x + 0.5, y - tall, Math.max(1, step - 1), tall);
        y -= tall;
      }
    });
    c.fillStyle = this.label;
    c.font = this.font;
    c.textBaseline = 'alphabetic';
    c.textAlign = 'left';
    c.fillText(`−${SECONDS / 60} min`, 0, height - 3);
    c.textAlign = 'right';
    c.fillText('now', width, height - 3);
    if (sums.some((sum) => sum.levels.some(Boolean))) c.fillText(`${rate(most)}/s`, width, 10);
  }

  sum() {
    const sum = this.names.map(() => 0);
    for (const levels of this.values) levels.forEach((value, level) => { sum[level] += value; });
    return this.words(sum, count);
  }

  words(levels, number) {
    return order.map((level) => [level, levels[this.names.indexOf(level)]]).filter(([, value]) => value > 0).map(([level, value]) => `${number(value)} ${level}`).join(', ');
  }

  name() {
    this.canvas.setAttribute('aria-label', `Events by level over the last ${SECONDS / 60} minutes: ${this.sum() || 'none'}`);
  }

  // tell puts the bar under the pointer into words.
  tell() {
    if (this.at == null || !this.now) {
      this.told.textContent = this.usual;
      return;
    }
    const { sums, width, bars } = this.bars();
    const bar = Math.floor((this.canvas.clientWidth - this.at) / (this.canvas.clientWidth / bars));
    const sum = sums[bar];
    const from = Math.floor(this.second / width) * width - bar * width; // its first second
    const begin = seconds(this.now - (this.second - from) * 1000);
    this.told.textContent = sum ? `${begin} · per second: ${this.words(sum.levels.map((value) => value / sum.seconds), rate) || 'nothing'}` : this.usual;
  }
}
