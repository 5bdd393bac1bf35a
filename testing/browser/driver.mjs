// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Drives Chromium for the tests: a command a line on standard input, its answer
// a line on standard output.
//
//   node driver.mjs FOLDER-WITH-node_modules CHROMIUM

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [folder, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(`${folder}/`)('playwright-core');
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--enable-precise-memory-info'],
});

const pages = new Map();
let lastPage = 0;

const commands = {
  async open({ url, width, height, dark, scale, touch, zone, cut }) {
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', deviceScaleFactor: scale, hasTouch: touch, isMobile: touch, timezoneId: zone || 'UTC', locale: 'en-GB',
    });
    const page = await context.newPage();
    const problems = [];
    page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`); });
    page.on('pageerror', (error) => problems.push(`thrown: ${error.stack ?? error}`));
    page.on('dialog', (dialog) => { problems.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', (request) => { if (!request.url().startsWith(new URL(url).origin)) problems.push(`elsewhere: ${request.url()}`); });
    await page.addInitScript(() => {
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    // The connection of the first request for this file ends.
    if (cut) await page.route(`**/${cut}`, (route) => route.abort('connectionreset'), { times: 1 });
    const response = await page.goto(url);
    lastPage++;
    pages.set(lastPage, { page, context, problems });
    return { page: lastPage, status: response.status(), headers: await response.allHeaders() };
  },
  goto: ({ page, url }) => pages.get(page).page.goto(url).then(() => null),
  evaluate: ({ page, script }) => pages.get(page).page.evaluate(script),
  // Not waitForFunction, which evaluates text inside of the page: its policy forbids that.
  async wait({ page, script, timeout }) {
    const check = () => pages.get(page).page.evaluate(script).catch((error) => {
      // The page is on its way to another, which may have no body yet.
      if (!/context was destroyed|properties of null/.test(error.message)) throw error;
    });
    for (const end = Date.now() + timeout; !await check();) {
      if (Date.now() > end) throw new Error(`not within ${timeout} ms`);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    return null;
  },
  press: ({ page, key }) => pages.get(page).page.keyboard.press(key).then(() => null),
  type: ({ page, text }) => pages.get(page).page.keyboard.type(text).then(() => null),
  click: ({ page, selector }) => pages.get(page).page.click(selector, { timeout: 10000 }).then(() => null),
  // download clicks, and returns the name and the text of the file that comes of it.
  async download({ page, selector }) {
    const [download] = await Promise.all([pages.get(page).page.waitForEvent('download'), pages.get(page).page.click(selector)]);
    return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
  },
  wheel: async ({ page, y }) => {
    await pages.get(page).page.mouse.move(400, 500);
    await pages.get(page).page.mouse.wheel(0, y);
    return null;
  },
  size: ({ page, width, height }) => pages.get(page).page.setViewportSize({ width, height }).then(() => null),
  screenshot: ({ page, path }) => pages.get(page).page.screenshot({ path }).then(() => null),
  problems: async ({ page }) => [...pages.get(page).problems, ...await pages.get(page).page.evaluate('globalThis.violations')],
  // heap is what the page holds on to, in bytes.
  async heap({ page }) {
    const session = await pages.get(page).context.newCDPSession(pages.get(page).page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize;
  },
  // busy is the processor time that the page's main thread took so far, in seconds.
  async busy({ page }) {
    const entry = pages.get(page);
    if (!entry.metrics) {
      entry.metrics = await entry.context.newCDPSession(entry.page);
      await entry.metrics.send('Performance.enable', { timeDomain: 'threadTicks' });
    }
    const { metrics } = await entry.metrics.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration').value;
  },
  cookies: ({ page }) => pages.get(page).context.cookies(),
  close: async ({ page }) => {
    await pages.get(page).context.close();
    pages.delete(page);
    return null;
  },
};

console.log(JSON.stringify({ version: browser.version() }));
for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...rest } = JSON.parse(line);
  Promise.resolve().then(() => commands[command](rest)).then(
    (value) => console.log(JSON.stringify({ id, value: value ?? null })),
    (error) => console.log(JSON.stringify({ id, error: String(error.message ?? error) })),
  );
}
await browser.close();
