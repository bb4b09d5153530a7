#!/usr/bin/env node
// Ana connects a directory: a wrong authority, a wrong password and a wrong base on the way, each
// explained, then what is right, a reading and its preview. Rui does the same without scripts, and Eva
// may only look.

import { expect, facts, go, look, meanwhile, person, send, signIn, signedIn, walk } from './browser.mjs';

const text = (page, selector) => page.locator(selector).first().textContent();

/** Tries what is in the form, and waits for the end of it. */
async function attempt(page) {
  await page.evaluate(() => document.getElementById('attempt').replaceChildren());
  await page.click('#try');
  await page.waitForSelector('#attempt .notice.ok, #attempt .notice.warn, #attempt .notice.error');
  await page.evaluate(() => scrollTo(0, 0));
  expect(page, 'eight steps', (await page.locator('#attempt .trial > li').count()) === 8);
}

/** A finding stands there, under its code. */
async function found(page, code) {
  const codes = await page.locator('#attempt .row.error code.muted').allTextContents();
  expect(page, `${code} in ${codes}`, codes.includes(code));
}

async function connect(ana) {
  await go(ana, '/admin/directory');
  await look(ana, 'directory-off', 'en');
  // What is typed stays while she looks elsewhere: nothing loads the form again.
  await ana.fill('#urls', 'ldap://typed.test');
  await ana.evaluate(() => document.activeElement.blur());
  const again = await ana.waitForRequest(/\/admin\/directory$/, { timeout: 1_500 }).catch(() => null);
  expect(ana, 'what is typed stays', again === null && (await ana.inputValue('#urls')).includes('typed'));
  await ana.click('text=Active Directory');
  expect(ana, 'a preset fills the filter', (await ana.inputValue('#user_filter')).includes('sAMAccountName'));
  await ana.click('button:text-is("OpenLDAP")');
  expect(ana, 'another one too', (await ana.inputValue('#attribute_id')) === 'entryUUID');
  await ana.fill('#urls', facts.url);
  await ana.check('#start_tls');
  await ana.fill('#bind_dn', facts.admin);
  await ana.fill('#password', 'not of the test');
  await ana.fill('#base_dn', `ou=nobody,${facts.base}`);

  await attempt(ana);
  await found(ana, 'ldap.tls.authority_shown');
  await look(ana, 'directory-authority', 'en');
  await ana.click('text=trust this authority');
  expect(ana, 'the authority is filled in', (await ana.inputValue('#ca_pem')).startsWith('-----BEGIN'));

  await attempt(ana);
  await found(ana, 'ldap.bind.invalid_credentials');
  await look(ana, 'directory-password', 'en');
  await ana.fill('#password', facts.password);

  await attempt(ana);
  await found(ana, 'ldap.search.no_base_near');
  await look(ana, 'directory-base', 'en');
  // Settings that do not work are not saved by mistake.
  await send(ana, 'button[name=save]');
  expect(ana, 'it is not saved', (await text(ana, '#faults')).includes('does not work'));
  expect(ana, 'no password comes back', !(await ana.content()).includes(facts.password));
  await look(ana, 'directory-not-saved', 'en');
  await ana.fill('#password', facts.password);
  await ana.locator('#attempt button', { hasText: /^Use ou=people,/ }).first().click();
  expect(ana, 'the base is filled in', (await ana.inputValue('#base_dn')) === facts.base);

  await ana.fill('#person', facts.person);
  await ana.fill('#person_password', facts.secret);
  await attempt(ana);
  // A name of 10 KB is none, which is odd and no failure.
  expect(ana, 'it works', await ana.isVisible('#attempt .notice.warn'));
  const signed = await ana.locator('#attempt .trial > li').last().textContent();
  expect(ana, 'ana signs in', signed.includes('takes this password'));
  const row = ana.locator('#attempt tbody tr').first();
  expect(ana, 'people are shown', (await row.textContent()).includes('@'));
  expect(ana, 'twenty of them', (await ana.locator('#attempt tbody tr').count()) >= 20);
  await look(ana, 'directory-good', 'en');

  await send(ana, 'button[name=save]');
  expect(ana, 'it is saved', (await text(ana, '.notice[role=status]')).includes('Saved'));
  await meanwhile('read');
  await go(ana, '/admin/directory');
  expect(ana, 'it is up', await ana.isVisible('.notice.ok .badge.ok'));
  expect(ana, 'the password is kept', (await text(ana, '#password-hint')).includes('stored'));
  await look(ana, 'directory-up', 'en');
}

async function readings(ana) {
  await go(ana, '/admin/directory/sync');
  await look(ana, 'directory-readings', 'en');
  await Promise.all([ana.waitForNavigation(), ana.click('a[href$="/preview"]')]);
  expect(ana, 'nothing would change', await ana.isVisible('.empty'));
  await look(ana, 'directory-preview', 'en');
  await send(ana, 'form[action$="/sync"] button');
  expect(ana, 'it was read', (await text(ana, '.notice[role=status]')).includes('synchronised'));
  // Another server does not get the password that is kept.
  await go(ana, '/admin/directory');
  await ana.fill('#urls', facts.url.replace('127.0.0.1', 'localhost'));
  await attempt(ana);
  await found(ana, 'ldap.tls.wrong_name');
  await send(ana, 'button[name=save]');
  expect(ana, 'nor by being saved', await ana.isVisible('#faults'));
}

/** The same pages in Portuguese, and without scripts. */
async function portuguese(rui) {
  await go(rui, '/admin/directory');
  await look(rui, 'directory-up', 'pt');
  await rui.fill('#person', 'u02');
  await attempt(rui);
  await look(rui, 'directory-good', 'pt');
  await rui.fill('#base_dn', 'ou=ninguém,dc=campus,dc=test');
  await attempt(rui);
  expect(rui, 'in Portuguese', (await text(rui, '#attempt .row.error')).includes('não existe'));
  await look(rui, 'directory-base', 'pt');
  await go(rui, '/admin/directory/sync');
  await look(rui, 'directory-readings', 'pt');
  await go(rui, '/admin/directory/sync/preview');
  await look(rui, 'directory-preview', 'pt');

  const plain = await person('pt', { javaScriptEnabled: false });
  await go(plain, '/admin/sign-in');
  await signIn(plain, 'rui');
  await go(plain, '/admin/directory');
  await send(plain, 'button:text-is("Active Directory")');
  expect(plain, 'a preset comes with a page', (await plain.inputValue('#user_filter')).includes('sAMAccountName'));
  await send(plain, 'button:text-is("OpenLDAP")');
  await plain.fill('#base_dn', 'ou=ninguém,dc=campus,dc=test');
  await send(plain, '#try');
  expect(plain, 'the steps come with a page', (await plain.locator('.trial > li').count()) === 8);
  await send(plain, '#attempt button[name=fix]');
  expect(plain, 'a mend comes with a page', !(await plain.inputValue('#base_dn')).includes('ninguém'));
}

await walk(async () => {
  const rui = await signedIn('pt', 'rui');
  await go(rui, '/admin/directory');
  await look(rui, 'directory-off', 'pt');
  const ana = await signedIn('en', 'ana');
  await connect(ana);
  await readings(ana);
  await portuguese(rui);
  const eva = await signedIn('en', 'eva');
  await go(eva, '/admin/directory');
  expect(eva, 'no form for whoever may only look', !(await eva.isVisible('#directory')));
  await look(eva, 'directory-readonly', 'en');
  await go(eva, '/admin/directory/sync');
  expect(eva, 'nothing to do there', !(await eva.isVisible('main form')));
});
