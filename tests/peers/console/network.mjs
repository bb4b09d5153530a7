#!/usr/bin/env node
// Certificates and DNS records.

import { expect, facts, go, look, send, signedIn, walk } from './browser.mjs';

async function certificates(page, language) {
  await go(page, '/admin/certificates');
  await look(page, 'certificates', language);
  await page.fill('#chain', facts.chain);
  await page.fill('#key', 'this is no key');
  await send(page, 'form[action$="/install"] button.primary');
  expect(page, 'no key', await page.isVisible('#key-fault'));
  expect(page, 'a key is not shown again', (await page.inputValue('#key')) === '');
  await look(page, 'certificates-faults', language);
  // From a file, which stays where it is.
  await page.setInputFiles('#key-file', {
    name: 'key.pem', mimeType: 'application/x-pem-file', buffer: Buffer.from(facts.key),
  });
  await page.waitForFunction(() => document.querySelector('#key').value.includes('PRIVATE KEY'));
  await send(page, 'form[action$="/install"] button.primary');
  expect(page, 'it is installed', await page.isVisible('[role=status]'));
  await look(page, 'certificates-installed', language);
  await page.click('form[action$="/remove"] >> xpath=.. >> summary');
  await send(page, 'form[action$="/remove"] button');
  await send(page, 'form[action$="/renew"] button');
  expect(page, 'it is made anew', await page.isVisible('[role=status]'));
}

async function records(page, language) {
  await go(page, '/admin/dns');
  await look(page, `dns-${language === 'en' ? 'before' : 'again'}`, language);
  await send(page, 'form[action$="/check"] button');
  expect(page, 'they were looked up', (await page.$$('.badge.ok')).length > 0);
  await look(page, 'dns', language);
}

await walk(async () => {
  for (const [language, name] of [['en', 'ana'], ['pt', 'rui']]) {
    const page = await signedIn(language, name);
    await certificates(page, language);
    await records(page, language);
  }
});
