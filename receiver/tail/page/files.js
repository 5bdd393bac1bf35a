// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// What leaves the page: into the clipboard, and into a file.

// copy reports whether the text is in the clipboard.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS a browser has no clipboard but for what is selected.
    const area = document.createElement('textarea');
    area.className = 'unseen';
    area.value = text;
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    before?.focus({ preventScroll: true });
    return done;
  }
}

// line is a record as a line of a file. What is only the beginning of a record is not
// JSON, so it becomes a field.
const line = (row) => (row.c ? JSON.stringify({ '@timestamp': new Date(row.t).toISOString(), message: row.m, beginning_of_record: row.r }) : row.r.replace(/[\r\n]+/g, ' '));

export function download(rows) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(rows.map((row) => `${line(row)}\n`), { type: 'application/x-ndjson' }));
  link.download = `records-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.ndjson`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
