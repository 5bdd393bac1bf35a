// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// A line of the last minute that moves to the left. Its numbers are in the
// text beside it.

const SECONDS = 60;
const FRAME = 100; // ms between two pictures

const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Plot {
  constructor(canvas, unit) {
    this.canvas = canvas;
    this.unit = unit;
    this.values = [];
    this.top = 1;
    this.at = 0;
    this.colour();
    new ResizeObserver(() => this.draw()).observe(canvas);
    const move = (now) => {
      if (!still.matches && now - (this.drawn ?? 0) >= FRAME && this.values.length) this.draw();
      requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  }

  colour() {
    const style = getComputedStyle(this.canvas);
    this.line = style.getPropertyValue('--accent').trim();
    this.canvas.style.color = 'var(--accent)';
    this.line = getComputedStyle(this.canvas).color;
    this.canvas.style.color = 'var(--line)';
    this.grid = getComputedStyle(this.canvas).color;
    this.canvas.style.color = 'var(--faint)';
    this.label = getComputedStyle(this.canvas).color;
    this.font = `10.5px ${style.fontFamily}`;
    this.draw();
  }

  set(values) {
    this.values = values.slice(-SECONDS - 1);
    this.at = performance.now();
    this.draw();
  }

  add(value) {
    this.values.push(value);
    if (this.values.length > SECONDS + 1) this.values.shift();
    this.at = performance.now();
    this.draw();
  }

  draw() {
    this.drawn = performance.now();
    const { canvas, values } = this;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const c = canvas.getContext('2d');
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    if (values.length < 1) return;
    const most = Math.max(1, ...values);
    this.top += (most - this.top) * (still.matches || Math.abs(most - this.top) > 4 * this.top ? 1 : 0.12);
    const shift = still.matches ? 0 : Math.min(1, (this.drawn - this.at) / 1000);
    const step = width / (SECONDS - 1);
    const x = (i) => width - (values.length - 1 - i) * step - shift * step + step;
    const y = (value) => height - 1.5 - (value / this.top) * (height - 16);
    c.strokeStyle = this.grid;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(0, Math.round(y(this.top)) + 0.5);
    c.lineTo(width, Math.round(y(this.top)) + 0.5);
    c.stroke();
    c.beginPath();
    values.forEach((value, i) => (i ? c.lineTo(x(i), y(value)) : c.moveTo(x(i), y(value))));
    c.strokeStyle = this.line;
    c.lineWidth = 1.5;
    c.lineJoin = 'round';
    c.stroke();
    c.lineTo(x(values.length - 1), height);
    c.lineTo(x(0), height);
    c.closePath();
    const fade = c.createLinearGradient(0, 0, 0, height);
    fade.addColorStop(0, this.line);
    fade.addColorStop(1, 'transparent');
    c.globalAlpha = 0.22;
    c.fillStyle = fade;
    c.fill();
    c.globalAlpha = 1;
    c.fillStyle = this.label;
    c.font = this.font;
    c.textAlign = 'right';
    c.fillText(this.unit(most), width - 8, 9);
  }
}
