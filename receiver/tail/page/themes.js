// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The button for the theme: from the system's to light, dark, and back.

const root = document.documentElement;
const button = document.getElementById('theme');

function name() {
  const text = `Theme: ${root.dataset.theme ?? 'automatic'}`;
  button.setAttribute('aria-label', text);
  button.title = `${text} (t)`;
}

export function nextTheme() {
  const next = { '': 'light', light: 'dark', dark: '' }[root.dataset.theme ?? ''] ?? '';
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  try {
    localStorage.setItem('theme', next);
  } catch {
    // No storage: it lasts until the page is left.
  }
  name();
}

name();
