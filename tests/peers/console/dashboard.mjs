#!/usr/bin/env node
// The first page, the charts and the alerts, while people write to each other; and the first page stays
// up to date by itself.

import { expect, facts, go, look, meanwhile, send, signedIn, tell, walk } from './browser.mjs';

const HIDDEN = 7_000; // longer than the stream takes from one event to the next

/** Looks at everything of this area. */
async function everything(page, language) {
  await go(page, '/admin');
  await look(page, 'dashboard-live', language);
  await page.click('#chart-messages summary');
  expect(page, 'the table of the chart', await page.isVisible('#chart-messages table'));
  await look(page, 'dashboard-table', language);
  for (const window of ['24h', '7d', '90d', '2y']) {
    await go(page, `/admin/charts?window=${window}`);
    expect(page, 'the chosen time is marked', (await page.$$('.choices [aria-current]')).length === 1);
    const bytes = (await page.content()).length;
    if (bytes > 60_000) tell('weight', { page: page.url(), bytes });
    await look(page, `charts-${window}`, language);
  }
  await go(page, '/admin/account/alerts');
  await look(page, 'alerts', language);
}

await walk(async () => {
  const ana = await signedIn('en', 'ana');
  // What changes on the server changes on the page, which nobody reloads.
  await go(ana, '/admin');
  const before = await ana.textContent('#live-held .tile-value');
  expect(ana, 'nothing is held yet', before === '0');
  await ana.evaluate(() => { document.body.dataset.same = 'yes'; });
  await meanwhile('messages');
  await ana.waitForFunction(
    (held) => document.querySelector('#live-held .tile-value').textContent === String(held),
    facts.held,
    { timeout: 20_000 },
  );
  expect(ana, 'the page is the same', await ana.evaluate(() => document.body.dataset.same === 'yes'));

  // A tab that nobody sees asks for nothing; one that is seen again does.
  const asked = [];
  ana.on('request', (request) => {
    if (request.url().endsWith('/admin/live')) asked.push(request.url());
  });
  const hide = (hidden) => ana.evaluate((now) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => now });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await ana.waitForTimeout(HIDDEN);
  expect(ana, 'a hidden page asks for nothing', asked.length === 0);
  await hide(false);
  await ana.waitForRequest((request) => request.url().endsWith('/admin/live'), { timeout: 5_000 })
    .catch(() => expect(ana, 'a page that is seen again asks', asked.length > 0));

  // Whoever stands on a part with the keyboard stands there when it changes.
  const more = await ana.$('#live-messages a');
  expect(ana, 'a tile leads to the charts', (await more?.getAttribute('href')) === '/admin/charts');
  await ana.focus('#live-messages a');
  await meanwhile('more');
  await ana.waitForFunction(
    () => document.querySelector('#live-messages .tile-value').textContent !== '0',
    undefined,
    { timeout: 40_000 },
  );
  const focused = await ana.evaluate(() => document.activeElement?.id);
  expect(ana, `the focus stays: ${focused}`, focused === 'live-messages-more');

  // Alerts: what is not taken, what is, and a trial.
  await go(ana, '/admin/account');
  await Promise.all([ana.waitForNavigation(), ana.click('a[href="/admin/account/alerts"]')]);
  await ana.fill('#person', 'nobody');
  await send(ana);
  expect(ana, 'nobody of that name', await ana.isVisible('#person-fault'));
  await look(ana, 'alerts-faults', 'en');
  await ana.fill('#person', 'rui');
  await send(ana);
  expect(ana, 'saved', await ana.isVisible('.notice.ok'));
  await send(ana, 'main form:not(.card) button');
  expect(ana, 'tried', (await ana.textContent('.notice.ok')).includes('kept until'));
  await look(ana, 'alerts-saved', 'en');

  await everything(ana, 'en');
  const rui = await signedIn('pt', 'rui');
  await everything(rui, 'pt');
  const eva = await signedIn('en', 'eva');
  expect(eva, 'a reader sees the charts', (await eva.$('nav a[href="/admin/charts"]')) !== null);
  await go(eva, '/admin/charts');
  expect(eva, 'charts', (await eva.$$('figure.chart')).length > 8);

  // Whoever is signed out elsewhere is told that the page is not live any more.
  await go(eva, '/admin');
  await meanwhile('sign-out');
  await eva.waitForSelector('#live-off:not([hidden])', { timeout: 20_000 });
});
