// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

import { recordIn, linkTo, read, write } from './address.js';
import { Agents } from './agents.js';
import { Chips } from './chips.js';
import { View } from './columns.js';
import { Details } from './details.js';
import { Empty } from './empty.js';
import { download } from './files.js';
import { Histogram } from './histogram.js';
import { keys } from './keys.js';
import { List } from './list.js';
import { Menu } from './menu.js';
import { Query } from './query.js';
import { leftOut, MOST, Rows, wasAway } from './rows.js';
import { Share } from './share.js';
import { Stream } from './stream.js';
import { count, plain, put, rate, size } from './text.js';
import { showUTC, zone } from './time.js';
import { nextTheme } from './themes.js';

const $ = (id) => document.getElementById(id);
const TYPING = 250; // ms after the last key that a search begins
const COUNTING = 250; // ms between two counts of rows that arrive

const connectionTexts = {
  connecting: 'Connecting', live: 'Live', behind: 'Not following', paused: 'Paused', lost: 'Server gone, reconnecting', full: 'Too many viewers, retrying',
};

class Page {
  constructor() {
    this.search = $('search');
    this.help = $('help');
    this.rows = new Rows();
    this.held = []; // rows and gaps that came while paused, the newest of them
    this.heldCount = 0;
    this.paused = false;
    this.state = 'connecting';
    this.query = read();
    this.wanted = this.query; // until the server has accepted it
    this.linked = recordIn();
    this.view = new View();
    this.details = new Details({
      onFilter: (filter) => this.filterBy(filter),
      onColumn: (path) => this.menu.add(path),
      onClose: (within) => {
        this.arrange();
        if (within) this.focusList();
      },
      linkOf: (row) => linkTo(this.boot, row),
    });
    this.list = new List(this.rows, this.view, {
      onSelect: (row) => { if (row && this.details.open) this.details.show(row, this.query.find); },
      onOpen: (row) => this.open(row),
      onFollow: () => {
        this.tellConnection();
        this.tellRows();
      },
    });
    this.agents = new Agents();
    this.chips = new Chips({
      onLevel: (level) => this.toggleLevel(level),
      onRemove: (field) => this.filter({ fields: this.wanted.fields.filter((one) => one !== field) }),
    });
    this.empty = new Empty();
    this.share = new Share();
    this.histogram = new Histogram($('histogram'), $('bytes'));
    this.menu = new Menu(this.view, {
      onChange: () => this.arrange(),
      onContext: (context) => this.filter({ context }),
    });
    this.stream = new Stream({
      hello: (hello) => this.hello(hello),
      rows: (rows) => this.arrived(rows),
      context: (rows) => this.arrived(rows.map((row) => ({ ...row, around: true }))),
      gap: ({ after, left, unread }) => this.arrived([this.query.empty ? leftOut(left + unread, 0, after + 0.5) : leftOut(left, unread, after + 0.5)]),
      state: (state) => this.told(state),
      status: (status) => this.connection(status),
      accepted: (parameters) => this.accepted(parameters),
      refused: (problem) => this.refused(problem),
    });
    this.wire();
    keys(this);
    this.arrange();
    this.showQuery();
    this.stream.open(this.query.parameters);
  }

  wire() {
    $('filters').addEventListener('submit', (event) => event.preventDefault());
    this.search.addEventListener('input', () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.filter({ search: this.search.value }), TYPING);
    });
    $('host').addEventListener('change', () => this.filter({ host: $('host').value }));
    $('pause').addEventListener('click', () => this.togglePause());
    $('clear').addEventListener('click', () => this.clear());
    $('download').addEventListener('click', () => this.download());
    $('zone').addEventListener('click', () => this.toggleUTC());
    $('jump').addEventListener('click', () => {
      this.list.newest();
      this.focusList();
    });
    $('help-open').addEventListener('click', () => this.help.showModal());
    $('theme').addEventListener('click', () => this.theme());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.histogram.colour());
    for (const width of [1020, 760]) matchMedia(`(max-width: ${width}px)`).addEventListener('change', () => this.arrange());
    addEventListener('hashchange', () => {
      this.linked = recordIn();
      this.ask(read());
      this.openLinked();
    });
  }

  // hello is the first that a connection brings.
  hello(hello) {
    const restarted = Boolean(this.boot) && this.boot !== hello.boot;
    if (restarted) {
      this.rows.restart(this.held);
      this.list.relayout();
      this.said('The server is back');
    }
    if (this.lostAt && this.rows.count) this.arrived([wasAway(this.lostAt, Date.now(), restarted, this.rows.newest + 0.5)]);
    this.lostAt = null;
    this.boot = hello.boot;
    this.kept = hello.recent;
    this.histogram.set(hello.levels, hello.history);
    this.share.restart();
    this.empty.configure(hello);
    $('sign-out').hidden = !hello.signedIn;
    this.tellRows();
  }

  // accepted begins with a filter that the server has accepted.
  accepted(parameters) {
    if (!this.keepsProblem) {
      $('search-problem').hidden = true;
      this.search.setAttribute('aria-invalid', 'false');
    }
    this.keepsProblem = false;
    if (parameters === this.query.parameters) return;
    this.query = this.wanted;
    write(this.query);
    this.rows.keep((row) => this.query.matches(row));
    this.held = this.held.filter((item) => !item.gap && this.query.matches(item));
    this.heldCount = this.held.length;
    this.list.find = this.query.find;
    this.filtered = true;
    if (!this.rows.list.includes(this.list.selected)) this.list.newest();
    if (this.details.open) this.details.show(this.details.row, this.query.find);
    this.arrangeFiles();
    this.list.schedule();
    this.showQuery();
    this.tellRows();
  }

  // refused says what is wrong with a filter. The list stays as the last one made it.
  refused(problem) {
    $('search-problem').hidden = false;
    $('search-problem').textContent = problem;
    this.search.setAttribute('aria-invalid', 'true');
    if (this.stream.current) {
      this.wanted = this.query;
      return;
    }
    // The page has just been opened: there is no last list.
    this.query = this.wanted = this.wanted.search ? this.wanted.with({ search: '' }) : new Query();
    this.keepsProblem = true;
    this.stream.open(this.query.parameters);
  }

  arrived(items) {
    if (this.filtered && items.length) {
      this.filtered = false;
      this.rows.mark(items[0].n);
    }
    if (this.paused) {
      this.heldCount += items.filter((item) => !item.gap).length;
      this.held = this.held.concat(items).slice(-MOST);
    } else {
      if (!this.list.following) this.unseen = (this.unseen ?? 0) + items.filter((item) => !item.gap).length;
      this.rows.add(items);
      this.arrangeFiles();
      this.list.schedule();
    }
    if (this.linked) this.openLinked();
    this.counting ??= setTimeout(() => this.tellRows(), Math.max(0, (this.counted ?? 0) + COUNTING - performance.now()));
  }

  told({ site, own }) {
    $('events').textContent = rate(site.events);
    this.histogram.usual = `${size(site.bytes)}/s`;
    this.histogram.add(site.now, site.levels);
    this.agents.update(site);
    this.tellHosts(site.hosts);
    this.share.tell(site, own);
    if (this.linked) this.openLinked(true);
  }

  tellHosts(hosts) {
    this.allHosts = hosts;
    const select = $('host');
    const names = ['', ...hosts];
    const { host } = this.wanted;
    if (host && !hosts.includes(host)) names.push(host);
    const known = names.join('\n');
    if (known === this.hosts || document.activeElement === select) return;
    this.hosts = known;
    select.replaceChildren(...names.map((name) => new Option(plain(name) || 'All hosts', name)));
    select.value = host;
  }

  tellRows() {
    clearTimeout(this.counting);
    this.counting = null;
    this.counted = performance.now();
    const { count: rows, left, unread } = this.rows;
    if (this.list.following) this.unseen = 0;
    put($('rows-text'), this.paused ? `${count(rows)} rows, ${count(this.heldCount)} waiting` : `${count(rows)} rows`);
    put($('left-text'), [left && `${count(left)} left out`, unread && `${count(unread)} not searched`].filter(Boolean).map((text) => `${text} between them`).join(', '));
    put($('pause-text'), this.paused && this.heldCount ? `Resume (${count(this.heldCount)})` : this.paused ? 'Resume' : 'Pause');
    $('jump').hidden = this.list.following || rows === 0;
    put($('jump-text'), this.unseen ? `${count(this.unseen)} new` : 'Newest');
    $('download').disabled = rows === 0;
    this.chips.count(this.rows.levels);
    this.empty.show(rows, this.query);
  }

  connection(status) {
    const before = this.state;
    this.state = status;
    if (before === 'live' && status !== 'live') this.lostAt = Date.now();
    this.tellConnection();
    if (before !== status && before !== 'connecting') this.said(connectionTexts[status]);
  }

  // tellConnection says Live only if what comes is in sight.
  tellConnection() {
    const shown = this.state !== 'live' ? this.state : this.paused ? 'paused' : this.list.following ? 'live' : 'behind';
    $('connection').dataset.state = shown;
    $('connection-text').textContent = connectionTexts[shown];
  }

  // filter changes some of the filters.
  filter(changes) { this.ask(this.wanted.with(changes)); }

  // ask begins with a query, if the server accepts it.
  ask(query) {
    $('notice').hidden = true;
    if (query.parameters === this.wanted.parameters) {
      this.wanted = query;
      if (this.query.parameters === query.parameters) this.accepted(query.parameters);
      return;
    }
    this.wanted = query;
    this.showQuery();
    this.stream.open(query.parameters);
  }

  // filterBy is for the buttons of a record.
  filterBy({ level, host, path, value, not }) {
    if (level) {
      const all = this.wanted.levels.length ? this.wanted.levels : ['error', 'warn', 'info', 'debug', 'other'];
      this.filter({ levels: not ? all.filter((one) => one !== level) : [level] });
    } else if (host) {
      this.filter({ host });
    } else {
      const others = this.wanted.fields.filter((one) => one.path !== path || one.value !== value);
      this.filter({ fields: [...others, { path, value, not }] });
    }
  }

  showQuery() {
    const { search, context } = this.wanted;
    if (this.search.value !== search && document.activeElement !== this.search) this.search.value = search;
    this.chips.show(this.wanted);
    this.chips.count(this.rows.levels);
    this.menu.tellContext(context);
    this.list.find = this.query.find;
    this.hosts = null;
    this.tellHosts(this.allHosts ?? []);
  }

  // arrange shows the columns that were chosen.
  arrange() {
    showUTC(this.view.utc);
    const columns = this.view.columns(this.rows.files.size, this.details.open);
    this.several = this.rows.files.size > 1;
    $('zone').hidden = columns[0][0] !== 'time';
    $('zone').textContent = `Time ${zone()}`;
    $('zone').setAttribute('aria-label', `Times are in ${zone()}. Change to ${this.view.utc ? 'local time' : 'UTC'}`);
    for (const title of document.querySelectorAll('#head span')) title.remove();
    const only = this.rows.files.size === 1 ? [...this.rows.files.keys()][0] : '';
    for (const [name, { title }] of columns) {
      if (name === 'time') continue;
      const element = document.createElement('span');
      element.textContent = name === 'message' && only ? `${title} · ${plain(only)}` : title;
      $('head').append(element);
    }
    this.only = only;
    this.menu.tell(this.rows.files.size, this.details.open);
    this.list.arrange(columns);
  }

  // arrangeFiles does so if the first, or a second, file has come.
  arrangeFiles() {
    const { files } = this.rows;
    const only = files.size === 1 ? [...files.keys()][0] : '';
    if (this.several !== files.size > 1 || this.only !== only) this.arrange();
  }

  toggleLevel(level) {
    const { levels } = this.wanted;
    this.filter({ levels: levels.includes(level) ? levels.filter((one) => one !== level) : [...levels, level] });
  }

  toggleUTC() {
    this.view.change({ utc: !this.view.utc });
    this.arrange();
    if (this.details.open) this.details.show(this.details.row, this.query.find);
    this.said(`Times in ${zone()}`);
  }

  toggleWrap() {
    this.view.change({ wrap: !this.view.wrap });
    this.arrange();
    this.said(this.view.wrap ? 'Long lines are wrapped' : 'A line for each record');
  }

  togglePause() {
    this.paused = !this.paused;
    $('pause').setAttribute('aria-pressed', String(this.paused));
    if (!this.paused) {
      this.rows.add(this.held);
      this.held = [];
      this.heldCount = 0;
      this.arrangeFiles();
      this.list.schedule();
    }
    this.tellConnection();
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

  download() {
    download(this.rows.list.filter((item) => !item.gap));
    this.said(`${count(this.rows.count)} records downloaded`);
  }

  move(by) {
    this.list.move(by);
    this.focusList();
  }

  open(row) {
    const opens = !this.details.open;
    this.details.show(row, this.query.find);
    if (opens) this.arrange();
    this.list.reveal(row);
    this.list.schedule();
    this.said('Record opened, Escape closes it');
  }

  openSelected() {
    if (!this.list.selected) this.list.move(-1);
    if (this.list.selected) this.open(this.list.selected);
  }

  // openLinked opens the record that the address names. ends is set when all that
  // the server has kept must have come.
  openLinked(ends = false) {
    if (!this.linked) return;
    const row = this.linked.boot === this.boot && this.rows.list.find((item) => item.n === this.linked.n);
    if (row) {
      this.linked = null;
      this.list.select(row, true);
    } else if (ends) {
      this.linked = null;
      $('notice').hidden = false;
      $('notice').textContent = `The linked record is not here any more: the server keeps the newest ${count(this.kept)}, until it restarts.`;
    }
  }

  // escape takes back the last thing: the open record, then the selection.
  escape() {
    if (this.menu.open) this.menu.toggle();
    else if (this.details.open) this.details.close();
    else if (this.list.selected || !this.list.following) this.list.newest();
    else if (!this.agents.panel.hidden) this.agents.toggle();
  }

  focusList() { $('log').focus({ preventScroll: true }); }

  theme() {
    nextTheme();
    this.histogram.colour();
  }

  // said is for screen readers: what changed, and never the records.
  said(text) { $('said').textContent = text; }
}

new Page();
