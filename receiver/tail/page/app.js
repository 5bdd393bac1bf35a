// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

import { Agents } from './agents.js';
import { Details } from './details.js';
import { keys } from './keys.js';
import { List } from './list.js';
import { Plot } from './plot.js';
import { Query } from './query.js';
import { MOST, Rows } from './rows.js';
import { Stream } from './stream.js';
import { count, plain, rate, size } from './text.js';

const $ = (id) => document.getElementById(id);
const TYPING = 250; // ms after the last key that a search begins
const SHARE = 5; // seconds that the shown share is an average of

const connectionTexts = { connecting: 'Connecting', live: 'Live', paused: 'Paused', lost: 'Server gone, reconnecting', full: 'Too many viewers, retrying' };

class Page {
  constructor() {
    this.search = $('search');
    this.help = $('help');
    this.rows = new Rows();
    this.held = []; // rows that came while paused, the newest of them
    this.heldCount = 0;
    this.paused = false;
    this.state = 'connecting';
    this.shares = [];
    this.query = Query.from(location.hash.slice(1));
    this.details = new Details({
      onFilter: (filter) => this.filter(filter),
      onClose: (within) => { if (within) this.focusList(); },
    });
    this.list = new List(this.rows, {
      onSelect: (row) => { if (row && this.details.open) this.details.show(row, this.query.find); },
      onOpen: (row) => this.open(row),
      onFollow: () => this.tellRows(),
    });
    this.agents = new Agents();
    this.plots = [new Plot($('events-plot'), rate), new Plot($('bytes-plot'), size)];
    this.stream = new Stream({
      hello: (hello) => this.hello(hello),
      rows: (rows) => this.arrived(rows),
      state: (state) => this.told(state),
      status: (status) => this.connection(status),
    });
    this.wire();
    keys(this);
    this.showQuery();
    this.list.find = this.query.find;
    this.stream.open(this.query.parameters);
  }

  wire() {
    $('filters').addEventListener('submit', (event) => event.preventDefault());
    this.search.addEventListener('input', () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.filter({ search: this.search.value }), TYPING);
    });
    for (const button of document.querySelectorAll('.levels button')) {
      button.addEventListener('click', () => this.toggleLevel(button.dataset.level));
    }
    $('host').addEventListener('change', () => this.filter({ host: $('host').value }));
    $('pause').addEventListener('click', () => this.togglePause());
    $('clear').addEventListener('click', () => this.clear());
    $('jump').addEventListener('click', () => {
      this.list.newest();
      this.focusList();
    });
    $('help-open').addEventListener('click', () => this.help.showModal());
    $('theme').addEventListener('click', () => this.theme());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.plots.forEach((plot) => plot.colour()));
    addEventListener('hashchange', () => {
      const query = Query.from(location.hash.slice(1));
      this.filter(query);
    });
    this.nameTheme();
  }

  // hello is the first that a connection brings.
  hello(hello) {
    if (this.boot && this.boot !== hello.boot) {
      this.rows.restart(this.held);
      this.said('The server is back');
    }
    this.boot = hello.boot;
    this.plots[0].set(hello.events);
    this.plots[1].set(hello.bytes);
    this.last = null;
    $('left-text').textContent = '';
    $('sign-out').hidden = !hello.signedIn;
    $('search-problem').hidden = !hello.problem;
    $('search-problem').textContent = hello.problem;
    this.search.setAttribute('aria-invalid', String(Boolean(hello.problem)));
  }

  arrived(rows) {
    if (this.paused) {
      this.heldCount += rows.length;
      this.held = this.held.concat(rows).slice(-MOST);
    } else {
      if (!this.list.following) this.unseen = (this.unseen ?? 0) + rows.length;
      this.rows.add(rows);
      this.list.schedule();
    }
    this.tellRows();
  }

  told({ site, own }) {
    $('events').textContent = rate(site.events);
    $('bytes').textContent = size(site.bytes);
    this.plots[0].add(site.events);
    this.plots[1].add(site.bytes);
    this.agents.update(site);
    this.tellHosts(site.hosts);
    if (this.last) {
      this.shares.push({ matched: own.matched - this.last.own.matched, shown: own.shown - this.last.own.shown, unread: site.unread - this.last.site.unread + own.skipped - this.last.own.skipped });
      if (this.shares.length > SHARE) this.shares.shift();
    }
    this.last = { site, own };
    this.tellShare();
  }

  // tellShare says how much of what matches is left out. Of records that the
  // server did not even look at nobody knows whether they match.
  tellShare() {
    const sum = (name) => this.shares.reduce((total, share) => total + share[name], 0);
    const [matched, shown, unread] = [sum('matched'), sum('shown'), sum('unread')];
    const share = matched + unread ? shown / (matched + unread) : 1;
    const seconds = Math.max(1, this.shares.length);
    $('share').textContent = share >= 0.9995 ? 'all' : `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
    $('share-bar').style.transform = `scaleX(${share})`;
    $('share-text').textContent = share >= 0.9995 ? (this.query.empty ? 'nothing is left out' : 'of what matches') : `${rate(shown / seconds)} of ${rate((matched + unread) / seconds)} a second`;
    const left = this.last.own.matched - this.last.own.shown;
    $('left-text').textContent = left || unread ? `${count(left)} matches left out${unread ? `, ${count(unread / seconds)}/s not searched` : ''}` : '';
  }

  tellHosts(hosts) {
    const select = $('host');
    const names = ['', ...hosts];
    if (this.query.host && !hosts.includes(this.query.host)) names.push(this.query.host);
    const known = names.join('\n');
    if (known === this.hosts || document.activeElement === select) return;
    this.hosts = known;
    select.replaceChildren(...names.map((name) => new Option(plain(name) || 'All hosts', name)));
    select.value = this.query.host;
  }

  tellRows() {
    const rows = this.rows.list.length;
    if (this.list.following) this.unseen = 0;
    $('rows-text').textContent = this.paused ? `${count(rows)} rows, ${count(this.heldCount)} waiting` : `${count(rows)} rows`;
    $('pause-text').textContent = this.paused && this.heldCount ? `Resume (${count(this.heldCount)})` : this.paused ? 'Resume' : 'Pause';
    $('jump').hidden = this.list.following || rows === 0;
    $('jump-text').textContent = this.unseen ? `${count(this.unseen)} new` : 'Newest';
    $('empty').hidden = rows > 0;
    if (rows === 0) {
      $('empty-title').textContent = this.query.empty ? 'Waiting for records' : 'Nothing matches so far';
      $('empty-text').textContent = this.query.empty ? 'They show here as they arrive.' : 'Records that do will show here as they arrive.';
    }
  }

  connection(status) {
    const before = this.state;
    this.state = status;
    const shown = status === 'live' && this.paused ? 'paused' : status;
    $('connection').dataset.state = shown;
    $('connection-text').textContent = connectionTexts[shown];
    if (before !== status && before !== 'connecting') this.said(connectionTexts[status]);
  }

  // filter changes some of the filters: the stream begins anew.
  filter({ search = this.query.search, levels = this.query.levels, host = this.query.host, level }) {
    const query = new Query(search, level ? [level] : levels, host);
    if (query.parameters === this.query.parameters) return;
    this.query = query;
    this.showQuery();
    const parameters = query.parameters;
    history.replaceState(null, '', parameters ? `#${parameters}` : location.pathname + location.search);
    this.rows.keep((row) => query.matches(row));
    this.held = this.held.filter((row) => query.matches(row));
    this.heldCount = this.held.length;
    this.list.find = query.find;
    this.shares = [];
    if (!this.rows.list.includes(this.list.selected)) this.list.newest();
    if (this.details.open) this.details.show(this.details.row, query.find);
    this.list.schedule();
    this.tellRows();
    this.stream.open(parameters);
  }

  showQuery() {
    if (this.search.value !== this.query.search) this.search.value = this.query.search;
    for (const button of document.querySelectorAll('.levels button')) {
      button.setAttribute('aria-pressed', String(this.query.levels.includes(button.dataset.level)));
    }
    this.hosts = null;
    this.tellHosts(this.last?.site.hosts ?? []);
  }

  toggleLevel(level) {
    const { levels } = this.query;
    this.filter({ levels: levels.includes(level) ? levels.filter((one) => one !== level) : [...levels, level] });
  }

  togglePause() {
    this.paused = !this.paused;
    $('pause').setAttribute('aria-pressed', String(this.paused));
    if (!this.paused) {
      this.rows.add(this.held);
      this.held = [];
      this.heldCount = 0;
      this.list.schedule();
    }
    this.connection(this.state);
    this.tellRows();
    this.said(this.paused ? 'Paused' : 'Resumed');
  }

  clear() {
    this.rows.clear();
    this.held = [];
    this.heldCount = 0;
    this.details.close();
    this.list.newest();
    this.tellRows();
  }

  move(by) {
    this.list.move(by);
    this.focusList();
  }

  open(row) {
    this.details.show(row, this.query.find);
    this.list.reveal(row);
    this.list.schedule();
    this.said('Record opened, Escape closes it');
  }

  openSelected() {
    if (!this.list.selected) this.list.move(-1);
    if (this.list.selected) this.open(this.list.selected);
  }

  // escape takes back the last thing: the open record, the selection, the search.
  escape() {
    if (this.details.open) this.details.close();
    else if (this.list.selected || !this.list.following) this.list.newest();
    else if (this.query.search) this.filter({ search: '' });
    else if (!this.agents.panel.hidden) this.agents.toggle();
  }

  leaveSearch(at) {
    if (at === this.search && this.search.value) {
      this.search.value = '';
      this.filter({ search: '' });
    } else {
      this.focusList();
    }
  }

  focusList() { $('log').focus({ preventScroll: true }); }

  // theme goes from the system's to light, dark, and back.
  theme() {
    const next = { '': 'light', light: 'dark', dark: '' }[document.documentElement.dataset.theme ?? ''] ?? '';
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try {
      localStorage.setItem('theme', next);
    } catch {
      // No storage: it lasts until the page is left.
    }
    this.nameTheme();
    this.plots.forEach((plot) => plot.colour());
  }

  nameTheme() {
    const name = `Theme: ${document.documentElement.dataset.theme ?? 'automatic'}`;
    $('theme').setAttribute('aria-label', name);
    $('theme').title = `${name} (t)`;
  }

  // said is for screen readers: what changed, and never the records.
  said(text) { $('said').textContent = text; }
}

new Page();
