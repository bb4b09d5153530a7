#!/usr/bin/env node
// A person before the console in Debian's Chromium: sets the server up by its link, then looks at the
// frame, his own account and the entrance in both languages, both themes and two widths.

import { join } from 'node:path';
import {
  args, code, expect, go, look, meanwhile, PASSWORD, person, send, signIn, signOut, walk, WIDTHS,
} from './browser.mjs';

let secret;

/** The set-up from its link to the dashboard. */
async function setUp(page, language, link, name, next) {
  await page.goto(link);
  await look(page, 'setup-owner', language);
  await page.fill('#name', name);
  await page.fill('#password', 'short');
  await page.fill('#again', 'short');
  await send(page);
  expect(page, 'the summary of faults has the focus', await page.evaluate(() => document.activeElement?.id === 'faults'));
  await look(page, 'setup-owner-faults', language);
  await page.fill('#password', PASSWORD);
  await page.fill('#again', PASSWORD);
  await send(page);
  await look(page, 'setup-code', language);
  secret = await page.textContent('code.fingerprint');
  await page.fill('#code', '000000');
  await send(page);
  expect(page, 'a wrong code is said to be wrong', await page.isVisible('#code-fault'));
  // The step before counts too, and leaves this one for signing in.
  await page.fill('#code', code(secret, Math.floor(Date.now() / 30_000) - 1));
  await send(page);
  expect(page, 'ten recovery codes', (await page.$$('.codes li')).length === 10);
  await look(page, 'setup-recovery', language);
  const recovery = await page.textContent('.codes li');
  await Promise.all([page.waitForNavigation(), page.click('main a.primary')]);
  expect(page, `on to ${next}`, new URL(page.url()).pathname === next);
  return recovery;
}

/** What the set-up asks whoever is owner now. */
async function answer(page, language) {
  await look(page, 'setup-campus', language);
  await page.fill('#domain', 'no domain');
  await send(page);
  expect(page, 'a domain that is none is said to be none', await page.isVisible('#domain-fault'));
  await look(page, 'setup-campus-faults', language);
  await page.fill('#domain', 'campus.test');
  await page.check('#see-allow');
  await send(page);
  expect(page, 'the last step', new URL(page.url()).pathname === '/admin/setup/people');
  await look(page, 'setup-people', language);
  // Each can be answered later.
  await go(page, '/admin/setup/campus');
  expect(page, 'the answer is kept', await page.isChecked('#see-allow'));
  await Promise.all([page.waitForNavigation(), page.click('main .actions a')]);
  await Promise.all([page.waitForNavigation(), page.click('main .actions a')]);
  expect(page, 'the dashboard', new URL(page.url()).pathname === '/admin');
}

/** Every page of whoever is signed in. */
async function everyPage(page, language) {
  for (const [name, path] of [
    ['dashboard', '/admin'],
    ['account', '/admin/account'],
    ['account-code', '/admin/account/code'],
    ['not-found', '/admin/nothing'],
    ['landing', '/'],
  ]) {
    await go(page, path);
    await look(page, name, language);
  }
  await go(page, '/admin');
  for (const menu of ['preferences', 'account']) {
    await page.click(`[popovertarget=${menu}]`);
    expect(page, `${menu} opens`, await page.isVisible(`#${menu}`));
    await look(page, `menu-${menu}`, language);
    await page.keyboard.press('Escape');
    expect(page, `${menu} closes`, !(await page.isVisible(`#${menu}`)));
  }
  await page.setViewportSize({ width: WIDTHS[1], height: 900 });
  await page.click('.nav-button');
  expect(page, 'the navigation opens', await page.isVisible('#nav a'));
  await page.screenshot({ path: join(args.screenshots, `navigation-${language}-360.png`) });
  await page.keyboard.press('Escape');
  await page.setViewportSize({ width: WIDTHS[0], height: 900 });
}

await walk(async () => {
  const ana = await person('en');
  await go(ana, '/');
  await look(ana, 'landing-ownerless', 'en');
  await go(ana, '/admin');
  await look(ana, 'no-owner', 'en');
  const recovery = await setUp(ana, 'en', args.link, 'ana', '/admin/setup/campus');
  await answer(ana, 'en');
  await everyPage(ana, 'en');

  // A password that is wrong, then a code that was used, then a recovery code.
  await signOut(ana);
  await look(ana, 'sign-in', 'en');
  await signIn(ana, 'ana', '');
  expect(ana, 'no code, no entrance', await ana.isVisible('#faults'));
  await look(ana, 'sign-in-refused', 'en');
  await signIn(ana, 'ana', code(secret));
  expect(ana, 'a code of now signs in', new URL(ana.url()).pathname === '/admin');
  await signOut(ana);
  await signIn(ana, 'ana', recovery);
  expect(ana, 'a recovery code signs in', new URL(ana.url()).pathname === '/admin');

  // The choice of a language is remembered, and needs no script.
  await ana.click('[popovertarget=preferences]');
  await send(ana, '#preferences button[value=pt]');
  expect(ana, 'Portuguese was chosen', (await ana.getAttribute('html', 'lang')) === 'pt-PT');

  const rui = await person('pt');
  // There is an owner: the next link is for whoever lost access.
  const link = await meanwhile('owner');
  await setUp(rui, 'pt', link, 'rui', '/admin');
  await go(rui, '/admin/setup/campus');
  await look(rui, 'setup-campus', 'pt');
  await go(rui, '/admin/setup/people');
  await look(rui, 'setup-people', 'pt');
  await go(rui, '/admin');
  await everyPage(rui, 'pt');
  await signOut(rui);
  await look(rui, 'sign-in', 'pt');
  await rui.goto(link);
  expect(rui, 'a used link leads nowhere', (await rui.textContent('h1')).includes('não existe'));
});
