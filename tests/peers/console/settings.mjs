#!/usr/bin/env node
// The settings: looked for, changed by form with the difference shown before, given up again; by an
// owner, an administrator, and somebody who may only look.

import { expect, go, look, send, signedIn, walk } from './browser.mjs';

/** Sends the form, and gives the status of the answer. */
async function status(page, selector = 'main form button.primary') {
  const [answer] = await Promise.all([page.waitForNavigation(), page.click(selector)]);
  return answer.status();
}

/** A field by its key, whose full stops mean something else to a selector. */
const field = (key) => `[id="${key}"]`;

await walk(async () => {
  const ana = await signedIn('en', 'ana');
  await go(ana, '/admin/settings');
  await look(ana, 'settings', 'en');
  await ana.fill('#q', 'expires');
  await send(ana, 'form[role=search] button');
  expect(ana, 'keys are found', (await ana.textContent('#found')).startsWith('6'));
  await look(ana, 'settings-found', 'en');
  await ana.click('a[href$="#registrar.max_expires"]');
  await ana.waitForURL(/registrar#/);
  await look(ana, 'settings-registrar', 'en');
  // The enter key shows the changes, and gives nothing up.
  await ana.fill(field('registrar.max_contacts'), '9');
  await Promise.all([ana.waitForNavigation(), ana.press(field('registrar.max_contacts'), 'Enter')]);
  expect(ana, 'the difference of one key', (await ana.textContent('tbody')).includes('max_contacts'));
  await go(ana, '/admin/settings/registrar');

  await ana.fill(field('registrar.max_expires'), 'soon');
  expect(ana, 'a word is no number', (await status(ana)) === 422);
  expect(ana, 'at its field', await ana.isVisible(field('registrar.max_expires-fault')));
  await look(ana, 'settings-faults', 'en');
  await ana.fill(field('registrar.max_expires'), '900');
  expect(ana, 'the difference', (await status(ana)) === 200);
  const row = await ana.textContent('tbody tr');
  expect(ana, 'old and new', row.includes('3600') && row.includes('900'));
  await look(ana, 'settings-review', 'en');
  await send(ana);
  expect(ana, 'it is done', await ana.isVisible('[role=status]'));
  expect(ana, 'it is kept', (await ana.inputValue(field('registrar.max_expires'))) === '900');
  await look(ana, 'settings-applied', 'en');

  // What waits for the next start has to be meant.
  await go(ana, '/admin/settings/sip');
  await ana.fill(field('sip.workers'), '2');
  await send(ana);
  await look(ana, 'settings-review-waits', 'en');
  expect(ana, 'not by accident', (await status(ana)) === 422);
  await ana.check('#understood');
  await send(ana);
  await go(ana, '/admin/settings');
  expect(ana, 'it waits', await ana.isVisible('details'));
  await look(ana, 'settings-waiting', 'en');

  await go(ana, '/admin/settings/registrar');
  await send(ana, 'button[name=reset]');
  await send(ana);
  expect(ana, 'as before', (await ana.inputValue(field('registrar.max_expires'))) === '3600');

  // Texts of others stand in the directory's section.
  await go(ana, '/admin/settings/directory');
  await look(ana, 'settings-directory', 'en');
  await go(ana, '/admin/settings?q=base_dn');
  await look(ana, 'settings-hostile', 'en');
  await go(ana, '/admin/settings/directory');
  await ana.fill('#bind-password', 'canary-of-the-walk');
  await send(ana, 'main .card button');
  expect(ana, 'the password is stored', await ana.isVisible('[role=status]'));
  expect(ana, 'and not shown', !(await ana.content()).includes('canary-of-the-walk'));
  await ana.fill(field('identity.ldap.bind_dn'), 'cn=another');
  await send(ana);
  await look(ana, 'settings-password-again', 'en');
  expect(ana, 'it has to be typed again', (await status(ana)) === 422);

  const rui = await signedIn('pt', 'rui');
  for (const [name, path] of [
    ['settings', '/admin/settings'],
    ['settings-registrar', '/admin/settings/registrar'],
    ['settings-presence', '/admin/settings/presence'],
    ['settings-directory', '/admin/settings/directory'],
    ['settings-limits', '/admin/settings/limits'],
    ['settings-found', '/admin/settings?q=&changed=yes'],
    ['settings-none', '/admin/settings?q=zzzz'],
  ]) {
    await go(rui, path);
    await look(rui, name, 'pt');
  }

  const eva = await signedIn('en', 'eva');
  await go(eva, '/admin/settings/presence');
  expect(eva, 'no form to send', !(await eva.isVisible('main form button')));
  await look(eva, 'settings-reader', 'en');
});
