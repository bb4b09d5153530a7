#!/usr/bin/env node
// A person, registrations, waiting messages and bans, before whoever helps people: in both languages,
// with names and programs that would like to be more than text.

import { expect, facts, go, look, meanwhile, send, signedIn, walk } from './browser.mjs';

const here = (page) => new URL(page.url()).pathname + new URL(page.url()).search;

/** Opens whatever can be opened, so that it is looked at too. */
const openAll = (page) => page.evaluate(() => {
  for (const details of document.querySelectorAll('main details')) details.open = true;
});

/** Every page as it stands, opened and closed. */
async function everyPage(page, language) {
  for (const [name, path] of [
    ['registrations', '/admin/registrations'],
    ['registrations-none', '/admin/registrations?q=nobody'],
    ['person', '/admin/people/tiago'],
    ['person-directory', `/admin/people/${facts.hostile}`],
    ['person-empty', '/admin/people/away'],
    ['queue', '/admin/queue'],
    ['queue-of', `/admin/queue/${facts.hostile}`],
    ['queue-of-none', '/admin/queue/tiago'],
    ['bans', '/admin/bans'],
  ]) {
    await go(page, path);
    expect(page, `${name} has one heading`, (await page.$$('h1')).length === 1);
    await look(page, name, language);
  }
  await go(page, '/admin/people/tiago');
  await openAll(page);
  await look(page, 'person-opened', language);
  await go(page, `/admin/queue/${facts.hostile}`);
  await openAll(page);
  await look(page, 'queue-of-opened', language);
}

/** A device without a name, then one with a name, its secret, and its end. */
async function device(page, language) {
  await go(page, '/admin/people/away');
  expect(page, 'the way to what can be changed', await page.isVisible('main a[href$="/away/edit"]'));
  await page.click('#new-device summary');
  await send(page, '#new-device button');
  expect(page, 'a name is asked for', await page.isVisible('#label-fault'));
  await look(page, 'person-device-fault', language);
  await page.fill('#label', `Telemóvel <b>${language}</b>`);
  await send(page, '#new-device button');
  expect(page, 'the secret is shown', (await page.textContent('#secret')).length >= 16);
  await look(page, 'person-device-new', language);
  await Promise.all([page.waitForNavigation(), page.click('main a.primary')]);
  expect(page, 'back at the person', here(page) === '/admin/people/away');
  await page.click('td details summary');
  await send(page, 'td details button');
  expect(page, 'it was revoked', here(page) === '/admin/people/away?done=revoked');
  await look(page, 'person-revoked', language);
}

/** A message that one device takes and another one does not answer. */
async function testMessage(page, language) {
  await go(page, '/admin/people/tiago');
  await meanwhile('answer');
  await send(page, 'form[action$="/test-message"] button');
  const said = await page.textContent('main');
  expect(page, 'one device took it', said.includes('(200)'));
  await look(page, 'person-trial', language);
  await go(page, '/admin/people/away');
  await send(page, 'form[action$="/test-message"] button');
  await look(page, 'person-trial-away', language);
}

await walk(async () => {
  const ana = await signedIn('en', 'ana');
  await everyPage(ana, 'en');
  await device(ana, 'en');
  await testMessage(ana, 'en');
  // Everything that waits is dropped by whoever types the name alone.
  await go(ana, '/admin/queue/away');
  await ana.click('main > details summary');
  await ana.fill('#confirm', 'somebody');
  await send(ana, 'main > details button');
  expect(ana, 'another name drops nothing', await ana.isVisible('#confirm-fault'));
  await look(ana, 'queue-of-fault', 'en');
  await ana.fill('#confirm', 'away');
  await send(ana, 'main > details button');
  expect(ana, 'dropped', here(ana) === '/admin/queue/away?done=dropped');
  await look(ana, 'queue-of-dropped', 'en');

  const rui = await signedIn('pt', 'rui');
  await everyPage(rui, 'pt');
  await device(rui, 'pt');
  await testMessage(rui, 'pt');
  await go(rui, '/admin/bans');
  await send(rui, 'form[action="/admin/bans/lift"] button');
  expect(rui, 'a ban is lifted', here(rui) === '/admin/bans?done=lifted');
  await go(rui, '/admin/registrations');
  await send(rui, 'td form button');
  expect(rui, 'a registration ends', here(rui) === '/admin/registrations?done=ended');
  await look(rui, 'registrations-ended', 'pt');

  const eva = await signedIn('en', 'eva');
  await go(eva, '/admin/people/tiago');
  expect(eva, 'no deed for whoever may only look', (await eva.$$('main form[method=post]')).length === 0);
  await look(eva, 'person-readonly', 'en');
});
