#!/usr/bin/env node
// The first page and the charts before anything was measured.

import { expect, go, look, signedIn, walk } from './browser.mjs';

await walk(async () => {
  const ana = await signedIn('en', 'ana');
  await look(ana, 'dashboard-fresh', 'en');
  await go(ana, '/admin/charts?window=2y');
  await look(ana, 'charts-empty', 'en');
  expect(ana, 'an unknown time is refused', (await go(ana, '/admin/charts?window=9e9')).status() === 422);
});
