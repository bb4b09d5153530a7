#!/usr/bin/env node
// Somebody who may only look, without a second factor.

import { expect, go, look, signedIn, signOut, walk } from './browser.mjs';

await walk(async () => {
  const eva = await signedIn('pt', 'eva');
  await look(eva, 'dashboard-readonly', 'pt');
  await go(eva, '/admin/account');
  expect(eva, 'his role', (await eva.textContent('.facts')).includes('leitura'));
  await signOut(eva);
});
