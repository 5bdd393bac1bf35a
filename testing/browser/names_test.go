// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// unnamed returns elements that have no name for a screen reader, references to
// nothing, and ids that are used twice.
const unnamed = `(() => {
  const problems = [];
  const named = (element) => element.getAttribute('aria-label') || element.labels?.length || element.textContent.trim()
    || element.getAttribute('aria-labelledby') || element.getAttribute('alt') !== null;
  for (const element of document.querySelectorAll('button, input, select, a, img, [role=img], [role=grid], [role=group], [role=search], section, aside, dialog')) {
    if (element.closest('[aria-hidden=true]')) continue;
    if (['SECTION', 'ASIDE', 'DIALOG'].includes(element.tagName) || element.role) {
      if (element.role === 'presentation') continue;
      if (!element.getAttribute('aria-label') && !element.getAttribute('aria-labelledby')) problems.push('no label: ' + element.outerHTML.slice(0, 80));
    } else if (!named(element)) problems.push('no name: ' + element.outerHTML.slice(0, 80));
  }
  for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-activedescendant', 'for']) {
    for (const element of document.querySelectorAll('[' + attribute + ']')) {
      const id = element.getAttribute(attribute);
      if (!document.getElementById(id)) problems.push(attribute + ' leads nowhere: ' + id);
    }
  }
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => problems.push('twice: ' + id));
  if (!document.documentElement.lang) problems.push('no language');
  if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
  for (const row of document.querySelectorAll('.row')) {
    if (row.getAttribute('role') !== 'row' || !row.getAttribute('aria-rowindex') || [...row.children].some((cell) => cell.getAttribute('role') !== 'gridcell')) problems.push('a row that is none');
  }
  return problems;
})()`

// faint returns texts with less contrast to their background than 4.5 (WCAG 2.2,
// 1.4.3).
const faint = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const problems = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest('option, [hidden], .unseen, .skip, dialog, noscript, script') || !element.offsetParent) continue;
    let ground = element;
    while (ground && rgba(getComputedStyle(ground).backgroundColor)[3] < 255) ground = ground.parentElement;
    const back = rgba(getComputedStyle(ground ?? document.body).backgroundColor);
    const style = getComputedStyle(element);
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
    const text = rgba(style.color).map((c, i) => c * opacity + back[i] * (1 - opacity));
    const [light, dark] = [luminance(text), luminance(back)].sort((x, y) => y - x);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) problems.add(contrast.toFixed(2) + ' ' + element.className + ' ' + element.tagName + ' ' + element.textContent.trim().slice(0, 30));
  }
  return [...problems];
})()`

func TestEveryControlHasANameAndEveryTextAContrast(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a := dial(t, s.ingest(), "")
	for i, level := range []string{"error", "warn", "info", "debug", ""} {
		a.send(record("web-1", "/var/log/app.log", level, fmt.Sprintf("line number %d \u202e", i), nil))
	}
	for name, l := range map[string]look{
		"light": desk,
		"dark":  {width: 1280, height: 800, scale: 1, dark: true},
		"phone": {width: 390, height: 780, scale: 1, touch: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.open(t, s.page(), l)
			p.wait(rowWith("line number 4"))
			p.press("a", "1", "2", "3", "4", "5", "/")
			p.write("line")
			p.wait("document.querySelectorAll('mark').length >= 4")
			p.press("Enter", "ArrowUp", "Enter")
			p.wait("!document.querySelector('#details').hidden")
			var problems []string
			p.evaluate(&problems, unnamed)
			require.Empty(t, problems)
			p.evaluate(&problems, faint)
			require.Empty(t, problems)
			var wide bool
			p.evaluate(&wide, "document.documentElement.scrollWidth > innerWidth")
			require.False(t, wide, "the page is not wider than the window")
			p.unproblematic()
		})
	}
}
