// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// What records hold is shown as text, always: nothing here or elsewhere makes
// HTML of it.

// Escape sequences of terminals are for terminals. What else can't be seen, or
// turns the order of what can, is made visible.
const terminal = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const odd = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;
const oddAll = new RegExp(odd.source, 'gu');
const oddSplit = new RegExp(`(${odd.source})`, 'u');

const name = (character) => {
  const code = character.codePointAt(0);
  if (code === 0x09) return '→';
  if (code === 0x0a) return '↵';
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
};

// plain is for where there is room for text only.
export const plain = (text) => (odd.test(text) ? text.replace(oddAll, '\ufffd') : text);

export const span = (className, text) => {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
};

// bare is the text without what is for terminals.
export const bare = (text) => (text.includes('\u001b') ? text.replace(terminal, '') : text);

// isPlain reports whether each character of a text takes the room of one.
export const isPlain = (text) => /^[\u0020-\u007e\n]*$/.test(text);

// cutPath shortens a path at its slashes to so many characters, if it can.
export function cutPath(path, length) {
  if (path.length <= length) return path;
  const slash = path.includes('/') ? '/' : '\\';
  const parts = path.split(slash);
  while (parts.length > 1 && parts.join(slash).length + 2 > length) parts.shift();
  return `…${slash}${parts.join(slash)}`;
}

// put changes a text if it is another one: a page that is laid out anew takes time.
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// fill puts text into element, with what is found in <mark>. Lines and tabs stay
// as they are where multiline says so.
export function fill(element, text, find, multiline = false) {
  text = bare(text);
  const ranges = find ? find(text) : [];
  if (ranges.length === 0 && !odd.test(text)) {
    element.textContent = text;
    return;
  }
  element.textContent = '';
  let at = 0;
  for (const [start, end] of ranges) {
    visible(element, text.slice(at, start), multiline);
    const mark = document.createElement('mark');
    visible(mark, text.slice(start, end), multiline);
    element.append(mark);
    at = end;
  }
  visible(element, text.slice(at), multiline);
}

function visible(element, text, multiline) {
  if (!odd.test(text)) {
    if (text) element.append(text);
    return;
  }
  for (const piece of text.split(oddSplit)) {
    if (!piece) continue;
    if (odd.test(piece) && !(multiline && (piece === '\n' || piece === '\t'))) {
      if (!(multiline && piece === '\r')) element.append(span('odd', name(piece)));
    } else {
      element.append(piece);
    }
  }
}

const grouped = new Intl.NumberFormat('en');
export const count = (n) => grouped.format(Math.round(n));

// short is for where there is little room.
export const short = (n) => (n < 1000 ? String(n) : `${(n / 1000).toFixed(1).replace('.0', '')}k`);

// rate is for numbers that change all the time: few digits.
export function rate(n) {
  if (n >= 1e6) return `${(n / 1e6).toFixed(n < 1e7 ? 2 : 1)}M`;
  if (n > 0 && n < 9.95) return n.toFixed(1);
  return count(n);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
export function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${bytes.toFixed(unit === 0 || bytes >= 99.5 ? 0 : bytes < 9.95 ? 2 : 1)} ${units[unit]}`;
}

export function ago(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 1) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 9950 ? `${(milliseconds / 1000).toFixed(1)} s` : ago(milliseconds);
}
