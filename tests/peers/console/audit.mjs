#!/usr/bin/env node
// The audit trail, tokens of the API and the console's accounts, with hostile names in them.

import { expect, go, look, person, send, signedIn, signIn, walk } from './browser.mjs';

const HOSTILE = '<svg onload=alert(1)>\u202e\u2066name';

/** A word that each language has another one for, so that both make what they look at. */
const own = (name, language) => `${name}-${language}`;

async function tokens(page, language) {
  await go(page, '/admin/tokens');
  await look(page, 'tokens-empty', language);
  await send(page, 'main form.card button.primary');
  expect(page, 'what is missing is said', await page.isVisible('#faults'));
  await look(page, 'tokens-faults', language);
  await page.fill('#name', `${HOSTILE} ${'x'.repeat(60)}`);
  await page.check('#scope-users-read');
  await page.check('#scope-notify-send');
  await page.selectOption('#role', 'helpdesk');
  await page.selectOption('#days', '365');
  await page.fill('#networks', '192.0.2.0/24 2001:db8::/32');
  await send(page, 'main form.card button.primary');
  expect(page, 'the token is shown', (await page.textContent('#secret')).startsWith('tagus_'));
  await look(page, 'token-made', language);
  await go(page, '/admin/tokens');
  await look(page, 'tokens', language);
  await page.click('main table summary');
  await send(page, 'main table details[open] button');
  expect(page, 'it is revoked', await page.isVisible('[role=status]'));
}

async function team(page, language) {
  const name = own('eve', language);
  await go(page, '/admin/team');
  await look(page, 'team', language);
  await page.fill('#name', name);
  await page.fill('#password', 'short');
  await page.fill('#again', 'other');
  await send(page, 'main form.card button.primary');
  await look(page, 'team-faults', language);
  await page.fill('#name', name);
  await page.selectOption('#role', 'admin');
  await send(page, 'main form.card button.primary');
  expect(page, 'a password is made', (await page.textContent('#password')).length === 23);
  await look(page, 'team-password', language);
  await page.click('main a.primary');
  await page.waitForSelector('form[action$="/role"]');
  await look(page, 'team-member', language);
  await page.click('form[action$="/lock"] >> xpath=.. >> summary');
  await send(page, 'form[action$="/lock"] button');
  await look(page, 'team-locked', language);
  await page.click('form[action$="/delete"] >> xpath=.. >> summary');
  await page.fill('#confirm', 'nobody');
  await send(page, 'form[action$="/delete"] button');
  await look(page, 'team-delete', language);
  await page.fill('#confirm', name);
  await send(page, 'form[action$="/delete"] button');
  expect(page, 'it is gone', await page.isVisible('[role=status]'));
  await go(page, `/admin/team/people/${language === 'pt' ? 'rui' : 'ana'}`);
  await look(page, 'team-oneself', language);
  await go(page, '/admin/team/roles');
  await look(page, 'team-roles', language);
}

async function trail(page, language) {
  await go(page, '/admin/audit');
  expect(page, 'there are lines', (await page.$$('tbody tr')).length > 5);
  await look(page, 'audit', language);
  await send(page, 'form[action$="/verify"] button');
  expect(page, 'the chain holds', await page.isVisible('[role=status]'));
  await look(page, 'audit-verified', language);
  await go(page, '/admin/audit');
  await page.fill('#actor', HOSTILE);
  await send(page, 'form[role=search] button');
  await look(page, 'audit-nothing', language);
  await go(page, '/admin/audit?since=yesterday&action=console.sign_in');
  expect(page, 'no day', await page.isVisible('#since-fault'));
  await look(page, 'audit-faults', language);
}

await walk(async () => {
  const stranger = await person('en');
  await go(stranger, '/admin/sign-in');
  await signIn(stranger, `${HOSTILE}${'y'.repeat(10_000)}`, '', 'wrong');
  const hugo = await signedIn('en', 'hugo');
  await go(hugo, '/admin/audit');
  expect(hugo, 'refused', (await hugo.textContent('h1')).includes('not permitted'));
  for (const [language, name] of [['en', 'ana'], ['pt', 'rui']]) {
    const page = await signedIn(language, name);
    await tokens(page, language);
    await team(page, language);
    await trail(page, language);
  }
});
