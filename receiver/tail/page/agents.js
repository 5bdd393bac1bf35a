// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The connected agents: a figure, and a table that opens below it.

import { ago, count, duration, plain, rate, size } from './text.js';

const $ = (id) => document.getElementById(id);

export class Agents {
  constructor() {
    this.toggleButton = $('agents-toggle');
    this.panel = $('agents');
    this.body = $('agents-rows');
    this.toggleButton.addEventListener('click', () => this.toggle());
  }

  toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.toggleButton.setAttribute('aria-expanded', String(!this.panel.hidden));
    if (this.site) this.draw();
  }

  update(site) {
    this.site = site;
    $('agents-count').textContent = count(site.open);
    const open = site.agents.filter((agent) => !agent.ended);
    const hosts = [...new Set(open.map((agent) => agent.host || agent.addr))];
    $('agents-text').textContent = hosts.length ? plain(hosts.join(', ')) : 'none connected';
    if (!this.panel.hidden) this.draw();
  }

  draw() {
    const { agents, now } = this.site;
    agents.forEach((agent, i) => {
      const row = this.body.rows[i] ?? this.row();
      row.className = agent.ended ? 'gone' : '';
      const texts = [
        agent.addr,
        plain(agent.host) || '–',
        agent.format || '–',
        agent.confirmed ? this.since(now - agent.confirmed) : 'none yet',
        agent.ended ? '–' : rate(agent.rate),
        count(agent.records),
        count(agent.duplicates),
        count(agent.messages),
        size(agent.bytes),
        agent.age < 0 ? '–' : duration(agent.age),
        agent.ended ? `closed (${agent.code})` : ago(now - agent.since),
      ];
      texts.forEach((text, column) => {
        const cell = row.cells[column].firstChild;
        if (cell.textContent !== text) cell.textContent = text;
      });
    });
    while (this.body.rows.length > Math.max(agents.length, 1)) this.body.deleteRow(-1);
    if (agents.length === 0) {
      const row = this.body.rows[0] ?? this.row();
      row.className = 'gone';
      [...row.cells].forEach((cell, column) => { cell.firstChild.textContent = column ? '' : 'No agent is connected'; });
    }
  }

  since(milliseconds) {
    const text = ago(milliseconds);
    return text === 'just now' ? text : `${text} ago`;
  }

  row() {
    const row = this.body.insertRow();
    for (const name of ['', 'host', 'format', '', 'n', 'n', 'n', 'n', 'n', 'n', 'n']) {
      const cell = row.insertCell();
      cell.className = name;
      const inner = document.createElement('span');
      if (name === 'format') inner.className = 'tag';
      cell.append(inner);
    }
    return row;
  }
}
