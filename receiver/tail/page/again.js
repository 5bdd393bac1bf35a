// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// A script that does not arrive, because its connection ended, leaves a dead page:
// browsers do not ask for it again. So the page is loaded again, three times at most.
addEventListener('error', ({ target }) => {
  if (!(target instanceof HTMLScriptElement)) return;
  try {
    const tries = Number(sessionStorage.getItem('again') ?? 0);
    if (tries >= 3) return;
    sessionStorage.setItem('again', tries + 1);
    setTimeout(() => location.reload(), 500);
  } catch {
    // No storage: it could go on for ever.
  }
}, true);

addEventListener('load', () => setTimeout(() => {
  try {
    if (document.querySelector('#connection').dataset.state === 'live') sessionStorage.removeItem('again');
  } catch {
    // There was nothing to count with.
  }
}, 5000));
