// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The keyboard. Keys with a modifier are the browser's.

const levels = ['error', 'warn', 'info', 'debug', 'other'];

export function keys(page) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || page.help.open) return;
    const at = event.target;
    const typing = at.matches?.('input, select, textarea');
    if (typing) {
      if (event.isComposing) return;
      // A search stays as it is: to leave it does not take it back.
      if (event.key === 'Escape' && page.menu.open) page.menu.toggle();
      else if (event.key === 'Escape' || (event.key === 'Enter' && at === page.search)) page.focusList();
      else return;
      event.preventDefault();
      return;
    }
    const action = actions[event.key];
    if (!action) return;
    // A button that has the focus is pressed, not passed over.
    if ((event.key === ' ' || event.key === 'Enter') && at.closest?.('button, a, [role=button]')) return;
    // A panel that scrolls does so.
    if (event.key.length > 1 && event.key !== 'Escape' && at.closest?.('.details-body, .agents-scroll')) return;
    event.preventDefault();
    action(page, event);
  });
}

const actions = {
  '/': (page) => { page.search.focus(); page.search.select(); },
  ' ': (page) => page.togglePause(),
  p: (page) => page.togglePause(),
  ArrowUp: (page) => page.move(-1),
  ArrowDown: (page) => page.move(1),
  k: (page) => page.move(-1),
  j: (page) => page.move(1),
  PageUp: (page) => page.move(-page.list.page()),
  PageDown: (page) => page.move(page.list.page()),
  Home: (page) => page.move(-Infinity),
  End: (page) => page.list.newest(),
  Enter: (page) => page.openSelected(),
  Escape: (page) => page.escape(),
  a: (page) => page.agents.toggle(),
  c: (page) => page.menu.nextContext(),
  d: (page) => page.download(),
  l: (page) => page.details.copyLink(),
  v: (page) => page.menu.toggle(),
  w: (page) => page.toggleWrap(),
  z: (page) => page.toggleUTC(),
  t: (page) => page.theme(),
  '?': (page) => page.help.showModal(),
};
levels.forEach((level, i) => { actions[i + 1] = (page) => page.toggleLevel(level); });
