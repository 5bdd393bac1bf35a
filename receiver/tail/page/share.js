// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// How much of what matches the page receives, in the last seconds. Of records that the
// server did not even look at nobody knows whether they match.

import { rate } from './text.js';

const $ = (id) => document.getElementById(id);
const SECONDS = 5;

export class Share {
  constructor() { this.restart(); }

  // restart is for another connection: its counts begin at 0.
  restart() {
    this.last = null;
    this.shares = [];
  }

  tell(site, own) {
    const { last, shares } = this;
    if (last) {
      shares.push({ matched: own.matched - last.own.matched, shown: own.shown - last.own.shown, unread: site.unread - last.site.unread + own.skipped - last.own.skipped });
      if (shares.length > SECONDS) shares.shift();
    }
    this.last = { site, own };
    const sum = (name) => shares.reduce((total, share) => total + share[name], 0);
    const all = sum('matched') + sum('unread');
    const share = all ? sum('shown') / all : 1;
    const seconds = Math.max(1, shares.length);
    const whole = share >= 0.9995;
    $('share').textContent = whole ? 'all' : `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
    $('share-bar').style.transform = `scaleX(${share})`;
    $('share-text').textContent = whole ? `of the last ${SECONDS} s` : `${rate(sum('shown') / seconds)} of ${rate(all / seconds)} a second`;
  }
}
