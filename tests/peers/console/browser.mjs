// What the walks through the console have in common: browsers, looks at a page, forms, and the way
// in. A page that a walk looks at is held against axe-core, against the width of the window and
// against its own policy; what is wrong is told as JSON lines (see README.md).

import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const text = { type: 'string' };
export const { values: args } = parseArgs({
  options: {
    site: text, // http://127.0.0.1:PORT
    link: text, // a set-up link
    facts: text, // what this walk needs beside, as JSON
    screenshots: text,
    home: text,
  },
});

/** What the test told this walk alone. */
export const facts = JSON.parse(args.facts ?? '{}');

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LANGUAGES = ['en', 'pt'];
const THEMES = ['light', 'dark'];
export const WIDTHS = [1280, 360];
const NARROWEST = 320;
export const PASSWORD = 'four words that nobody else has';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let wrong = 0;
let looked = 0;
export function tell(kind, fields) {
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

/** Pages that look for a server which is starting again. */
export const waiting = new Set();

/** A browser of somebody who reads this language. */
export async function person(language, more = {}) {
  const locale = language === 'pt' ? 'pt-PT' : 'en-GB';
  const context = await browser.newContext({ locale, ...more });
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (violation) => {
      console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI}`);
    });
  });
  const page = await context.newPage();
  page.on('console', (line) => {
    const expected = /the server responded with a status of (401|403|404|422|429)/;
    const isNotThere = waiting.has(page) && line.text().includes('net::ERR_');
    if (line.type() === 'error' && !expected.test(line.text()) && !isNotThere) {
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
export async function look(page, name, language) {
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
export function code(secret, step = Math.floor(Date.now() / 30_000)) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

export const go = (page, path) => page.goto(new URL(path, args.site).href);
export async function send(page, selector = 'main form button.primary') {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

export function expect(page, what, is) {
  if (!is) tell('unexpected', { page: page.url(), what });
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Tells the test that something stands now, and waits for what it has to say to that. */
export async function meanwhile(what, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event: 'meanwhile', what, ...fields })}\n`);
  return JSON.parse((await lines.next()).value ?? 'null');
}

export async function signOut(page) {
  await go(page, '/admin');
  await page.click('[popovertarget=account]');
  await send(page, '#account form button');
  expect(page, 'signed out', new URL(page.url()).pathname === '/admin/sign-in');
}

export async function signIn(page, name, second = '', password = PASSWORD) {
  await page.fill('#name', name);
  await page.fill('#password', password);
  await page.fill('#code', second);
  await send(page);
}

/** A browser in which an account without a second factor is signed in. */
export async function signedIn(language, name) {
  const page = await person(language);
  await go(page, '/admin/sign-in');
  await signIn(page, name);
  expect(page, `${name} signs in`, new URL(page.url()).pathname === '/admin');
  return page;
}

/** Runs a walk to its end, and says how it went. */
export async function walk(steps) {
  try {
    await steps();
  } catch (error) {
    tell('error', { text: error.stack });
  }
  await browser.close();
  process.stdout.write(`${JSON.stringify({ event: 'done', looked, wrong })}\n`);
  process.exit(wrong ? 1 : 0);
}
