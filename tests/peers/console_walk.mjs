#!/usr/bin/env node
// A person before the console in Debian's Chromium: sets the server up by its link, then looks at every
// page in both languages, both themes and two widths. Each is held against axe-core, against the
// width of the window and against the page's own policy. What is wrong is told as JSON lines; with
// nothing wrong it ends with 0 (see README.md).

import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values: args } = parseArgs({
  options: {
    site: text, // http://127.0.0.1:PORT
    link: text, // the first set-up link, for English
    screenshots: text,
    home: text,
  },
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const { chromium } = await import('playwright-core');

const LANGUAGES = ['en', 'pt'];
const THEMES = ['light', 'dark'];
const WIDTHS = [1280, 360];
const NARROWEST = 320;
const PASSWORD = 'four words that nobody else has';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let wrong = 0;
let looked = 0;
function tell(kind, fields) {
  if (kind !== 'note') wrong += 1;
  process.stdout.write(`${JSON.stringify({ event: kind, ...fields })}\n`);
}

mkdirSync(args.screenshots, { recursive: true });
mkdirSync(args.home, { recursive: true });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  env: { ...process.env, HOME: args.home },
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

/** A browser of somebody who reads this language. */
async function person(language) {
  const context = await browser.newContext({ locale: language === 'pt' ? 'pt-PT' : 'en-GB' });
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (violation) => {
      console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI}`);
    });
  });
  const page = await context.newPage();
  page.on('console', (line) => {
    const expected = /the server responded with a status of (401|403|404|422|429)/;
    if (line.type() === 'error' && !expected.test(line.text())) {
      tell('console', { page: page.url(), text: line.text() });
    }
  });
  page.on('pageerror', (error) => tell('script', { page: page.url(), text: error.message }));
  page.on('dialog', (dialog) => tell('dialog', { page: page.url(), text: dialog.message() }));
  page.on('request', (request) => {
    if (!request.url().startsWith(args.site)) tell('elsewhere', { text: request.url() });
  });
  return page;
}

/** Looks at what stands there now, in each theme and width. */
async function look(page, name, language) {
  for (const theme of THEMES) {
    await page.evaluate((to) => { document.documentElement.dataset.theme = to; }, theme);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const where = { name, language, theme, width };
      const shown = await page.evaluate(() => document.documentElement.lang.slice(0, 2));
      if (shown !== language) tell('language', { ...where, shown });
      await page.evaluate(axe);
      const found = await page.evaluate(
        (tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags } }),
        RULES,
      );
      for (const violation of found.violations) {
        const nodes = violation.nodes.map((node) => `${node.target} ${node.failureSummary}`);
        tell('accessibility', { ...where, rule: violation.id, help: violation.help, nodes });
      }
      await fits(page, where);
      const file = `${name}-${language}-${theme}-${width}.png`;
      await page.screenshot({ path: join(args.screenshots, file), fullPage: true });
      looked += 1;
    }
  }
  await page.setViewportSize({ width: NARROWEST, height: 900 });
  await fits(page, { name, language, width: NARROWEST });
  await page.setViewportSize({ width: WIDTHS[0], height: 900 });
}

async function fits(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) tell('width', { ...where, over });
}

/** The code of this moment (RFC 6238), of a secret in base32. */
function code(secret, step = Math.floor(Date.now() / 30_000)) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const go = (page, path) => page.goto(new URL(path, args.site).href);
async function send(page, selector = 'main form button.primary') {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

function expect(page, what, is) {
  if (!is) tell('unexpected', { page: page.url(), what });
}

async function nextLine() {
  for await (const chunk of process.stdin) return chunk.toString().trim();
  return '';
}

let secret;

/** The set-up from its link to the dashboard. */
async function setUp(page, language, link, name) {
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
  expect(page, 'the dashboard', new URL(page.url()).pathname === '/admin');
  return recovery;
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

async function signOut(page) {
  await go(page, '/admin');
  await page.click('[popovertarget=account]');
  await send(page, '#account form button');
  expect(page, 'signed out', new URL(page.url()).pathname === '/admin/sign-in');
}

async function signIn(page, name, second) {
  await page.fill('#name', name);
  await page.fill('#password', PASSWORD);
  await page.fill('#code', second);
  await send(page);
}

try {
  const ana = await person('en');
  await go(ana, '/');
  await look(ana, 'landing-ownerless', 'en');
  await go(ana, '/admin');
  await look(ana, 'no-owner', 'en');
  const recovery = await setUp(ana, 'en', args.link, 'ana');
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

  process.stdout.write(`${JSON.stringify({ event: 'owner' })}\n`);
  const rui = await person('pt');
  const link = await nextLine();
  await setUp(rui, 'pt', link, 'rui');
  await everyPage(rui, 'pt');
  await signOut(rui);
  await look(rui, 'sign-in', 'pt');
  await rui.goto(link);
  expect(rui, 'a used link leads nowhere', (await rui.textContent('h1')).includes('não existe'));
} catch (error) {
  tell('error', { text: error.stack });
}
await browser.close();
process.stdout.write(`${JSON.stringify({ event: 'done', looked, wrong })}\n`);
process.exit(wrong ? 1 : 0);
