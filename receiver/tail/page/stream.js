// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The connection: server-sent events, read with fetch. An EventSource can't send the
// filter in a body, where it is in no log, and does not say why it was refused.

const SILENCE = 5000; // ms; the server says something every second
const WAIT_LEAST = 1000;
const WAIT_MOST = 10000;

export class Stream {
  // handlers: hello, rows, context, gap and state with their data; status with a word;
  // accepted and refused (with the reason) for the filter that was opened.
  constructor(handlers) {
    this.handlers = handlers;
    this.wait = WAIT_LEAST;
    setInterval(() => {
      if (this.current && performance.now() - this.heard > SILENCE) this.lost();
    }, 1000);
  }

  // open begins anew with another filter. Until the server has accepted it, the stream
  // with the last one goes on.
  open(parameters) {
    this.wanted = parameters;
    this.connect();
  }

  async connect() {
    clearTimeout(this.timer);
    this.next?.abort();
    const [abort, parameters] = [new AbortController(), this.wanted];
    this.next = abort;
    const timer = setTimeout(() => abort.abort(), SILENCE);
    let response;
    try {
      response = await fetch('tail/stream', {
        method: 'POST', body: new URLSearchParams(parameters), headers: { Accept: 'text/event-stream' }, cache: 'no-store', signal: abort.signal,
      });
    } catch {
      clearTimeout(timer);
      if (this.next === abort) this.lost();
      return;
    }
    clearTimeout(timer);
    if (this.next !== abort) return;
    this.next = null;
    if (response.status === 401) {
      location.reload(); // to the form
    } else if (response.status === 400) {
      this.wanted = this.parameters;
      this.handlers.refused((await response.text()).trim());
    } else if (!response.ok) {
      // All places may be taken, one of them by the stream with the last filter.
      this.lost(response.status === 503 ? 'full' : 'lost');
    } else {
      this.current?.abort();
      this.current = abort;
      this.parameters = parameters;
      this.heard = performance.now();
      this.handlers.accepted(parameters);
      this.read(response.body, abort);
    }
  }

  async read(body, abort) {
    try {
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.current !== abort) break;
        this.heard = performance.now();
        const from = Math.max(0, text.length - 1);
        text += value;
        if (text.indexOf('\n\n', from) < 0) continue;
        const events = text.split('\n\n');
        text = events.pop();
        events.forEach((event) => this.event(event));
      }
    } catch {
      // It ended.
    }
    if (this.current === abort) this.lost();
  }

  event(event) {
    const parts = /^event: (\w+)\ndata: (.*)$/s.exec(event);
    if (!parts) return;
    if (parts[1] === 'hello') {
      this.wait = WAIT_LEAST;
      this.handlers.status('live');
    }
    this.handlers[parts[1]]?.(JSON.parse(parts[2]));
  }

  lost(status = 'lost') {
    const current = this.current;
    this.current = null;
    current?.abort();
    this.handlers.status(status);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(WAIT_MOST, this.wait * 1.6);
  }
}
