// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The JSON of a record, read as it stands: parsing would round its large numbers. It
// may be cut anywhere. The server reads fields in the same way (field.go).

import { fill, span } from './text.js';

const tokens = /("(?:[^"\\]|\\.)*"?)(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([{}[\],])|\s+|./gsu;

function unquote(string) {
  try {
    return JSON.parse(string);
  } catch {
    return string.slice(1); // it is cut here
  }
}

// read yields the tokens of a record: { text, kind } and, with values, their path: names
// with dots between them. Elements of an array have the path of the array.
export function* read(json) {
  const open = []; // the path of each object and array around this place
  let path = '';
  for (const [text, string, colon, number, word, mark] of json.matchAll(tokens)) {
    if (/^\s+$/.test(text)) continue;
    if (mark) {
      if (mark === '{' || mark === '[') open.push(path);
      else if (mark !== ',') open.pop();
      yield { text: mark, kind: 'mark' };
      const around = open.at(-1) ?? '';
      if (mark !== '{' && mark !== '[') path = around;
    } else if (string && colon) {
      const around = open.at(-1) ?? '';
      path = (around ? `${around}.` : '') + unquote(string);
      yield { text: string, kind: 'key' };
    } else {
      yield { text, kind: number ? 'number' : word ? 'word' : 'string', path, value: string ? unquote(string) : text };
    }
  }
}

// valuesOf returns the values of a row's fields: a list for each path.
export function valuesOf(row) {
  const values = new Map([['.host', [row.h]], ['.file', [row.f]]]);
  for (const { path, value } of read(row.r)) {
    if (!path) continue;
    const known = values.get(path);
    if (known) known.push(value);
    else values.set(path, [value]);
  }
  return values;
}

// fieldOf is the text of a field, for a cell.
export const fieldOf = (row, path) => (valuesOf(row).get(path) ?? []).join(', ');

// fillRecord indents the JSON. Its values are buttons, which call choose.
export function fillRecord(element, json, find, choose) {
  element.textContent = '';
  let depth = 0;
  let opened = false; // and nothing in it yet
  const line = () => element.append('\n' + '  '.repeat(Math.min(depth, 64)));
  for (const token of read(json)) {
    const { text, kind } = token;
    const closes = text === '}' || text === ']';
    const mark = kind === 'mark';
    if (mark && closes) depth = Math.max(0, depth - 1);
    if (opened !== (mark && closes) && (opened || (mark && closes))) line();
    opened = mark && (text === '{' || text === '[');
    if (opened) depth++;
    if (mark) {
      element.append(span('punctuation', text));
      if (text === ',') line();
      continue;
    }
    const inner = span(kind, '');
    fill(inner, text, find);
    element.append(inner);
    if (kind === 'key') element.append(span('punctuation', ': '));
    else if (token.path && !token.path.includes('=') && token.value.length < 500) choose(inner, token);
  }
}
