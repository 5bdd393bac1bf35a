// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The connection: server-sent events, which the browser connects again by
// itself, and what it does not: notice a silence, and say why it was refused.

const SILENCE = 5000; // ms; the server says something every second
const WAIT_MOST = 10000;

export class Stream {
  constructor(handlers) {
    this.handlers = handlers; // hello, rows, state: with their data; status: with a word
    this.parameters = '';
    this.wait = 1000;
    setInterval(() => this.watch(), 1000);
  }

  open(parameters) {
    this.parameters = parameters;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.heard = performance.now();
    const source = new EventSource(`tail/stream?${this.parameters}`);
    this.source = source;
    for (const name of ['hello', 'rows', 'state']) {
      source.addEventListener(name, (event) => {
        if (source !== this.source) return;
        this.heard = performance.now();
        this.wait = 1000;
        if (name === 'hello') this.handlers.status('live');
        this.handlers[name](JSON.parse(event.data));
      });
    }
    source.addEventListener('error', () => {
      if (source !== this.source) return;
      this.handlers.status('lost');
      this.heard = performance.now();
      if (source.readyState === EventSource.CLOSED) this.refused();
    });
  }

  // refused asks why: an EventSource that was answered with an error gives up,
  // and does not tell.
  async refused() {
    let status = 0;
    try {
      status = (await fetch('tail/access', { cache: 'no-store' })).status;
    } catch {
      // The server is not there.
    }
    if (status === 401) {
      location.reload(); // to the form
      return;
    }
    if (status === 503) this.handlers.status('full');
    this.timer = setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(WAIT_MOST, this.wait * 1.6);
  }

  watch() {
    if (!this.source || performance.now() - this.heard < SILENCE) return;
    if (this.source.readyState === EventSource.OPEN) this.handlers.status('lost');
    if (this.source.readyState !== EventSource.CLOSED) this.connect();
  }
}
