// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Times, in the zone of the browser or in UTC.

let utc = false;

export function showUTC(on) { utc = on; }

const two = (n) => String(n).padStart(2, '0');

// shifted has, in its UTC fields, the time as it is shown.
const shifted = (time) => new Date(utc ? time : time - new Date(time).getTimezoneOffset() * 60000);

export const clock = (time) => shifted(time).toISOString().slice(11, 23);

export const seconds = (time) => shifted(time).toISOString().slice(11, 19);

export function date(time) {
  const t = shifted(time);
  return Number.isNaN(t.getTime()) ? String(time) : `${t.toISOString().slice(0, 10)} ${clock(time)} ${zone()}`;
}

// zone is the name of the zone: UTC, or UTC+5:30.
export function zone() {
  const offset = utc ? 0 : -new Date().getTimezoneOffset();
  const minutes = Math.abs(offset) % 60;
  return offset === 0 ? 'UTC' : `UTC${offset < 0 ? '−' : '+'}${Math.floor(Math.abs(offset) / 60)}${minutes ? `:${two(minutes)}` : ''}`;
}
