#!/usr/bin/env node
// Somebody who looks after people: searches, adds, changes, imports, and does things with many.

import { expect, go, look, send, signedIn, walk } from './browser.mjs';

const path = (page) => new URL(page.url()).pathname;

/** The list, in each of its forms. */
async function list(page, language) {
  await go(page, '/admin/people');
  expect(page, 'everybody is counted', (await page.textContent('#total')).includes('65'));
  await look(page, 'people', language);
  await go(page, '/admin/people?q=conceicao+05');
  expect(page, 'accents make no difference', (await page.$$('tbody tr')).length === 1);
  await look(page, 'people-found', language);
  await go(page, '/admin/people?q=nobody-at-all');
  await look(page, 'people-none', language);
  await go(page, '/admin/people?sort=password');
  await look(page, 'people-wrong', language);
  await go(page, '/admin/people?q=svg');
  expect(page, 'a name is a name', (await page.$$('main svg[onload]')).length === 0);
}

/** Adding somebody, wrongly at first. */
async function added(page, language, user) {
  await go(page, '/admin/people/add');
  await look(page, 'person-add', language);
  await page.fill('#user', 'a b');
  await page.fill('#number', 'none');
  await send(page);
  expect(page, 'what is wrong stands at its field', await page.isVisible('#user-fault'));
  await look(page, 'person-add-faults', language);
  await page.fill('#user', user);
  await page.fill('#name', '<svg onload=alert(1)>');
  await page.fill('#number', '');
  await page.fill('#groups', 'staff, night');
  await send(page);
  expect(page, 'a password is shown', (await page.textContent('code.fingerprint')).length === 23);
  await look(page, 'person-added', language);
}

async function changed(page, language, user) {
  await go(page, `/admin/people/${user}/edit`);
  expect(page, 'the groups are there', (await page.inputValue('#groups')) === 'staff, night');
  await look(page, 'person-edit', language);
  await page.fill('#name', 'Zé');
  await send(page);
  expect(page, 'it is said to be saved', await page.isVisible('.notice.ok'));
  await page.click('details:has([action$="/disable"]) summary');
  await send(page, 'form[action$="/disable"] button');
  expect(page, 'he can be let in again', await page.isVisible('form[action$="/enable"] button'));
  await look(page, 'person-disabled', language);
  await send(page, 'form[action$="/enable"] button');
  await page.click('details:has([action$="/delete"]) summary');
  await page.fill('#typed', 'somebody');
  await send(page, 'form[action$="/delete"] button');
  expect(page, 'another name deletes nobody', await page.isVisible('#typed-fault'));
  await look(page, 'person-delete-faults', language);
  await page.fill('#typed', user);
  await send(page, 'form[action$="/delete"] button');
  expect(page, 'back at the list', path(page) === '/admin/people');
}

/** With the keyboard's and the mouse's help. */
async function many(page, language) {
  await go(page, '/admin/people?q=conceicao');
  await page.check('[data-all]');
  expect(page, 'all are ticked', (await page.$$('tbody input:checked')).length === 50);
  await send(page, 'button[value=disable]');
  expect(page, 'a question', (await page.textContent('h1')).includes('50'));
  await look(page, 'people-many', language);
  await Promise.all([page.waitForURL(/\/admin\/jobs\//), page.click('main form button')]);
  await page.waitForSelector('.tiles');
  expect(page, 'all of them', (await page.textContent('.tiles .tile-value')) === '50');
  await look(page, 'job-people', language);
  await go(page, '/admin/people?state=disabled');
  await page.selectOption('#scope', 'all');
  await send(page, 'button[value=delete]');
  await look(page, 'people-delete', language);
  await page.fill('#typed', '1');
  await send(page, 'main form button.danger');
  expect(page, 'the number must be theirs', await page.isVisible('#typed-fault'));
  await go(page, '/admin/people?state=disabled');
  await page.selectOption('#scope', 'all');
  await send(page, 'button[value=enable]');
  await Promise.all([page.waitForURL(/\/admin\/jobs\//), page.click('main form button')]);
  await page.waitForSelector('.tiles');
}

async function imported(page, language, prefix) {
  await go(page, '/admin/people/import');
  await look(page, 'import', language);
  await send(page);
  expect(page, 'something must be brought', await page.isVisible('#faults'));
  const rows = ['user;name;number', `${prefix}1;Um;`, `${prefix}2;<b>Dois</b>;`, 'a b;\u202eTrês;x'];
  await page.setInputFiles('#file', {
    name: '<svg onload=alert(1)>.csv', mimeType: 'text/csv', buffer: Buffer.from(rows.join('\r\n')),
  });
  await Promise.all([page.waitForURL(/\/admin\/jobs\//), page.click('main form button.primary')]);
  await page.waitForSelector('.tiles');
  await look(page, 'import-tried', language);
  const tried = page.url();
  await Promise.all([
    page.waitForURL((url) => url.pathname.startsWith('/admin/jobs/') && url.href !== tried),
    page.click('button[value=run]'),
  ]);
  await page.waitForSelector('.tiles');
  expect(page, 'two were added', (await page.textContent('.tiles .tile-value')) === '2');
  await look(page, 'import-done', language);
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('a[href$="/result"]')]);
  expect(page, 'what failed can be had', file.suggestedFilename() === 'not-done.csv');
}

await walk(async () => {
  for (const [language, name] of [['en', 'ana'], ['pt', 'rui']]) {
    const page = await signedIn(language, name);
    await go(page, '/admin/jobs');
    await look(page, language === 'en' ? 'jobs-none' : 'jobs', language);
    await list(page, language);
    await added(page, language, `novo${language}`);
    await changed(page, language, `novo${language}`);
    await many(page, language);
    await imported(page, language, `i${language}`);
    await go(page, '/admin/groups');
    await look(page, 'groups', language);
    await go(page, '/admin/groups?q=none-of-that-name');
    await look(page, 'groups-none', language);
    await go(page, '/admin/jobs');
    await look(page, 'jobs', language);
    // The second one finds the list as the first one did.
    await go(page, `/admin/people?q=i${language}`);
    await page.selectOption('#scope', 'all');
    await send(page, 'button[value=delete]');
    await page.fill('#typed', '2');
    await Promise.all([page.waitForURL(/\/admin\/jobs\//), page.click('main form button.danger')]);
    await page.waitForSelector('.tiles');
  }
  const eva = await signedIn('en', 'eva');
  await go(eva, '/admin/people');
  expect(eva, 'nothing to change', (await eva.$$('main form[method=post], main a[href$="/add"]')).length === 0);
  await look(eva, 'people-readonly', 'en');
});
