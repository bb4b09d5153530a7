#!/usr/bin/env node
// The first day: Ana opens the set-up link, becomes owner, names the domain, connects a directory with
// three mistakes on the way, reads it, gives a person a telephone, sees it register, and disables the
// person. At the end the audit trail has every one of these deeds.

import {
  args, code, expect, facts, go, look, meanwhile, PASSWORD, person, send, waiting, walk,
} from './browser.mjs';

const here = (page) => new URL(page.url()).pathname;
const text = (page, selector) => page.locator(selector).first().textContent();
const follow = (page, selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);

/** The owner, with a second factor whose secret comes back. */
async function owner(ana) {
  await ana.goto(args.link);
  await ana.fill('#name', 'ana');
  await ana.fill('#password', PASSWORD);
  await ana.fill('#again', PASSWORD);
  await send(ana);
  const secret = await ana.textContent('code.fingerprint');
  // The step before counts too, and leaves this one for signing in again.
  await ana.fill('#code', code(secret, Math.floor(Date.now() / 30_000) - 1));
  await send(ana);
  expect(ana, 'ten recovery codes', (await ana.$$('.codes li')).length === 10);
  await follow(ana, 'main a.primary');
  expect(ana, 'the domain is asked next', here(ana) === '/admin/setup/campus');
  return secret;
}

/** The domain, for which the server starts again; then where people come from. */
async function campus(ana, secret) {
  await ana.fill('#domain', facts.domain);
  await ana.check('#see-allow');
  // The page goes on by itself once there is an answer, and then nobody can look at it.
  waiting.add(ana);
  const next = (url) => url.pathname === '/admin/setup/people';
  await ana.route(next, (route) => route.abort());
  await send(ana);
  expect(ana, 'the server starts again', await ana.isVisible('[data-wait-for]'));
  await look(ana, 'restarting', 'en');
  await ana.unroute(next);
  await ana.waitForURL(/sign-in/, { timeout: 60_000 });
  waiting.delete(ana);
  await meanwhile('named');
  await ana.fill('#name', 'ana');
  await ana.fill('#password', PASSWORD);
  await ana.fill('#code', code(secret));
  await send(ana);
  expect(ana, 'the set-up goes on', here(ana) === '/admin/setup/people');
  await ana.check('#source-ldap');
  await send(ana);
  expect(ana, 'on to the directory', here(ana) === '/admin/directory');
}

/** Tries what is in the form to the end. */
async function attempt(ana) {
  await ana.evaluate(() => document.getElementById('attempt').replaceChildren());
  await ana.click('#try');
  await ana.waitForSelector('#attempt .notice.ok, #attempt .notice.warn, #attempt .notice.error');
  await ana.evaluate(() => scrollTo(0, 0));
}

/** The step that failed says these sentences. */
async function says(ana, step, ...sentences) {
  const failed = ana.locator('#attempt .trial > li.error').first();
  const said = (await failed.textContent()).replaceAll(/\s+/g, ' ');
  for (const sentence of [step, ...sentences]) expect(ana, `“${sentence}” in: ${said}`, said.includes(sentence));
}

async function directory(ana) {
  // Nothing that is typed is lost while somebody looks elsewhere.
  await ana.evaluate(() => { document.getElementById('directory').isTheFirst = true; });
  await ana.click('button:text-is("OpenLDAP")');
  await ana.fill('#urls', facts.url);
  await ana.check('#start_tls');
  await ana.evaluate(() => { document.getElementById('ca_pem').closest('details').open = true; });
  await ana.fill('#ca_pem', facts.authority);
  await ana.fill('#bind_dn', facts.admin);
  await ana.fill('#password', 'not of the test');
  await ana.fill('#base_dn', `ou=nobody,${facts.base}`);

  await attempt(ana);
  await says(
    ana, 'Encrypt', 'whom this server does not trust; the server shows the certificate of', 'Compare the fingerprint',
    'If it is the same, trust that certificate',
  );
  await look(ana, 'whole-wrong-authority', 'en');
  await ana.click('text=trust this authority');

  await attempt(ana);
  await says(
    ana, 'Sign in the service account', `The directory refuses ${facts.admin} with this password.`,
    'Check bind_dn and its password.', 'invalidCredentials (49)',
  );
  await look(ana, 'whole-wrong-password', 'en');
  await ana.fill('#password', facts.password);

  await attempt(ana);
  await says(
    ana, 'Find people', `There is no ou=nobody,${facts.base}; what there is ends at ${facts.base}.`, 'Check base_dn.',
    'noSuchObject (32)',
  );
  await look(ana, 'whole-wrong-base', 'en');
  await ana.locator('#attempt button', { hasText: /^Use ou=people,/ }).first().click();

  await ana.fill('#person', facts.person);
  await ana.fill('#person_password', facts.secret);
  await attempt(ana);
  expect(ana, 'it works', await ana.isVisible('#attempt .notice.warn, #attempt .notice.ok'));
  const form = await ana.evaluate(() => document.getElementById('directory').isTheFirst === true);
  expect(ana, 'it is the form that was there at first', form);
  await send(ana, 'button[name=save]');
  expect(ana, 'it is saved', (await text(ana, '.notice[role=status]')).includes('Saved and in use'));
  await meanwhile('read');
}

/** What a reading would change, and then does; who is gone by mistake is gone only on a word. */
async function reading(ana) {
  await follow(ana, 'main a[href="/admin/directory/sync"]');
  await meanwhile('changed');
  await follow(ana, 'main a[href$="/preview"]');
  const preview = await text(ana, 'section:has(#h-preview)');
  expect(ana, 'the newcomer would come in', preview.includes(facts.newcomer));
  expect(ana, 'who is gone would wait', preview.includes('u10') && preview.includes('Nothing was changed'));
  await look(ana, 'whole-preview', 'en');
  await send(ana, 'form[action$="/sync"] button');
  expect(ana, 'it was read', (await text(ana, '.notice[role=status]')).includes('synchronised'));
  expect(ana, 'twelve wait for a word', (await text(ana, 'main')).includes('nobody was put out'));
  await look(ana, 'whole-proposal', 'en');
  await ana.click('details.card summary');
  await ana.fill('#count', '12');
  await send(ana, 'details.card button.danger');
  expect(ana, 'they are out', (await text(ana, '.notice[role=status]')).includes('It was done'));
}

/** From the list to the person, and a telephone for her. */
async function device(ana) {
  await follow(ana, '#nav a[href="/admin/people"]');
  await ana.fill('#q', facts.newcomer);
  await send(ana, 'form[role=search] button');
  expect(ana, 'the newcomer is there', (await ana.$$('tbody tr')).length === 1);
  await go(ana, `/admin/people?q=${facts.person}`);
  await follow(ana, `tbody a[href="/admin/people/${facts.person}"]`);
  await ana.click('#new-device summary');
  await ana.fill('#label', 'Desk telephone');
  await send(ana, '#new-device button');
  const user = await text(ana, 'dl.facts code');
  const secret = await text(ana, '#secret');
  const domain = await text(ana, 'dl.facts dd:nth-of-type(3) code');
  expect(ana, 'the device is told the domain', domain === facts.domain);
  await meanwhile('register', { user, secret });
  await follow(ana, 'main a.primary');
  const registrations = await text(ana, 'section:has(#h-registrations)');
  expect(ana, 'the registration shows', registrations.includes(facts.agent));
  expect(ana, 'of this device', (await text(ana, 'section:has(#h-devices)')).includes('Registered'));
  await look(ana, 'whole-registered', 'en');
}

async function disable(ana) {
  await ana.click('summary:text-is("Disable")');
  await meanwhile('disabling');
  await send(ana, 'form[action$="/disable"] button');
  const took = await meanwhile('disabled');
  expect(ana, `within two seconds: ${took} ms`, took <= 2_000);
  expect(ana, 'still the person', here(ana) === `/admin/people/${facts.person}`);
  expect(ana, 'it is said', (await text(ana, '.notice[role=status]')).includes('locked out'));
  expect(ana, 'no registration is left', (await text(ana, 'section:has(#h-registrations)')).includes('No device'));
  await look(ana, 'whole-disabled', 'en');
}

/** Every page of the audit trail, the oldest line first. */
async function trail(ana) {
  await follow(ana, '#nav a[href="/admin/audit"]');
  await look(ana, 'whole-audit', 'en');
  const rows = [];
  for (;;) {
    rows.push(...(await ana.locator('tbody tr').allTextContents()));
    if (!(await ana.isVisible('a[rel=next]'))) break;
    await follow(ana, 'a[rel=next]');
  }
  return rows.reverse().map((row) => row.replaceAll(/\s+/g, ' '));
}

/** The deeds stand there in their order, each with whom or what it was done to. */
function expectDeeds(ana, rows) {
  let from = 0;
  for (const [deed, ...words] of [
    ['setup_link.make'],
    ['console.set_up', 'ana'],
    ['setting.set', 'domain', facts.domain],
    ['server.restart'],
    ['console.sign_in', 'ana'],
    ['directory.try', '127.0.0.1'],
    ['directory.try', '127.0.0.1'],
    ['directory.try', '127.0.0.1'],
    ['directory.try', '127.0.0.1'],
    ['setting.set', 'identity.source', 'ldap'],
    // To see what a reading would change is no deed.
    ['directory.sync'],
    ['directory.apply', '12'],
    ['device.add', facts.person, 'Desk telephone'],
    ['user.disable', facts.person],
  ]) {
    const at = rows.findIndex((row, index) => index >= from && [deed, ...words].every((word) => row.includes(word)));
    expect(ana, `${deed} ${words} in the trail:\n${rows.slice(from).join('\n')}`, at >= 0);
    if (at >= 0) from = at + 1;
  }
}

await walk(async () => {
  const ana = await person('en');
  const secret = await owner(ana);
  await campus(ana, secret);
  await directory(ana);
  await reading(ana);
  await device(ana);
  await disable(ana);
  expectDeeds(ana, await trail(ana));
  await send(ana, 'form[action$="/verify"] button');
  expect(ana, 'the chain holds', await ana.isVisible('.notice.ok[role=status]'));
});
