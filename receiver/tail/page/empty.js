// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// A list without rows: why, and what to do.

import { copy } from './files.js';

const $ = (id) => document.getElementById(id);

export class Empty {
  constructor() {
    $('config-copy').addEventListener('click', async () => {
      $('config-copy').textContent = await copy($('config').textContent) ? 'Copied' : 'Not copied';
    });
  }

  // configure writes the lines with which an agent comes here.
  configure({ ingest, signedIn }) {
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${ingest}`;
    this.config = ingest && `output.websocket:\n  hosts: ["${url}"]${signedIn ? '\n  bearer_token: "${TOKEN}"' : ''}\n`;
    $('config').textContent = this.config;
  }

  show(rows, query) {
    $('empty').hidden = rows > 0;
    if (rows > 0) return;
    $('empty-title').textContent = query.empty ? 'Waiting for records' : 'Nothing matches so far';
    $('empty-text').textContent = query.empty ? 'They show here as they arrive.' : 'Records that do will show here as they arrive.';
    $('start').hidden = !query.empty || !this.config;
  }
}
