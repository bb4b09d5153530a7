#!/usr/bin/env node
// A directory that lists nobody, is slow, silent, away and back again, as Rui and Ana see it.

import { expect, go, look, meanwhile, send, signedIn, walk } from './browser.mjs';

const text = (page, selector) => page.locator(selector).first().textContent();

/** Looks at the directory and its readings after something has happened. */
async function both(page, what, language) {
  await meanwhile(what);
  await go(page, '/admin/directory');
  await look(page, `directory-${what}`, language);
  await go(page, '/admin/directory/sync');
  await look(page, `directory-readings-${what}`, language);
}

await walk(async () => {
  const rui = await signedIn('pt', 'rui');
  const ana = await signedIn('en', 'ana');

  await both(rui, 'emptied', 'pt');
  expect(rui, 'nobody was put out', (await text(rui, 'main')).includes('ninguém foi posto fora'));
  expect(rui, 'everybody is named', (await rui.locator('tbody tr th', { hasText: /^ana$/ }).count()) > 0);
  const size = (await rui.content()).length;
  expect(rui, `a page of ${size} bytes`, size < 60_000);
  await rui.click('details.card summary');
  await rui.fill('#count', '31');
  await send(rui, 'details.card button.danger');
  expect(rui, 'a wrong number changes nothing', await rui.isVisible('#count-fault'));
  await look(rui, 'directory-count', 'pt');
  await send(rui, 'form[action$="/keep"] button');
  expect(rui, 'they stay', (await text(rui, '.notice[role=status]')).includes('Ficam'));
  await go(rui, '/admin/directory/sync/preview');
  await look(rui, 'directory-preview-emptied', 'pt');

  await meanwhile('filled');
  await both(ana, 'slow', 'en');
  await go(ana, '/admin/directory');
  expect(ana, 'it is slow', (await text(ana, '.notice .badge')) === 'slow');
  await both(ana, 'silent', 'en');
  await go(ana, '/admin/directory');
  expect(ana, 'people keep working', (await text(ana, '.notice')).includes('32 known people keep working'));
  await go(rui, '/admin/directory');
  await look(rui, 'directory-silent', 'pt');
  await both(ana, 'stopped', 'en');
  await send(ana, 'form[action$="/sync"] button');
  expect(ana, 'nothing changed', (await text(ana, '#faults')).includes('nothing has changed'));
  await look(ana, 'directory-not-read', 'en');
  await meanwhile('back');
  await go(ana, '/admin/directory');
  expect(ana, 'it is back', await ana.isVisible('.notice.ok .badge.ok'));

  await both(ana, 'twelve', 'en');
  await go(rui, '/admin/directory/sync');
  await look(rui, 'directory-readings-twelve', 'pt');
  await ana.click('details.card summary');
  await ana.fill('#count', '12');
  await send(ana, 'details.card button.danger');
  expect(ana, 'they are out', (await text(ana, '.notice[role=status]')).includes('done'));
});
