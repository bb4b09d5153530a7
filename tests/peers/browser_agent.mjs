#!/usr/bin/env node
// A browser as a SIP user agent: JsSIP in Debian's Chromium, driven by lines on stdin, reporting JSON
// lines on stdout (see README.md).

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

function event(kind, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event: kind, ...fields })}\n`);
}

function die(text) {
  event('error', { text });
  process.exit(1);
}

const text = { type: 'string' };
const { values: args } = parseArgs({
  options: {
    server: text, // HOST:PORT of the web listener
    domain: text,
    user: text,
    'auth-user': text,
    'password-file': text,
    transport: { type: 'string', default: 'ws' },
    expires: { type: 'string', default: '300' },
    page: text, // HOST:PORT that the page is served at, never our server's
    authority: text, // PEM file that vouches for the server
    directory: text,
    trace: text,
    peers: text,
  },
});

const chromiumPath = '/usr/bin/chromium';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const password = readFileSync(args['password-file'], 'utf8').replace(/\n$/, '');
const home = join(args.directory, 'home');
mkdirSync(home);

const { build } = await import('esbuild').catch(() => die('missing: npm ci --prefix tests/peers'));
const { chromium } = await import('playwright-core');

/** Trust in an authority, as a person would give it: in the browser's own store. */
function trust(pem) {
  const store = join(home, '.pki/nssdb');
  mkdirSync(store, { recursive: true });
  const certutil = (...more) => execFileSync('certutil', ['-d', `sql:${store}`, ...more]);
  certutil('-N', '--empty-password');
  certutil('-A', '-t', 'C,,', '-n', 'tagus', '-i', pem);
}

async function serve() {
  const bundle = await build({
    entryPoints: [here('browser_page.js')],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'error',
  });
  const script = bundle.outputFiles[0].text;
  const [host, port] = args.page.split(':');
  const files = {
    '/': ['text/html', '<!doctype html><meta charset="utf-8"><script src="/page.js"></script>'],
    '/page.js': ['text/javascript', script],
  };
  const server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? [];
    response.writeHead(body ? 200 : 404, { 'Content-Type': type ?? 'text/plain' });
    response.end(body ?? '');
  });
  server.unref();
  await new Promise((resolve) => server.listen(Number(port), host, resolve));
}

if (args.authority) trust(args.authority);
await serve();
const browser = await chromium.launchPersistentContext(join(args.directory, 'profile'), {
  executablePath: chromiumPath,
  env: { ...process.env, HOME: home },
  permissions: ['microphone'],
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // A microphone that beeps, and candidates that are loopback.
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--allow-loopback-in-peer-connection',
  ],
}).catch((error) => die(`no browser: ${error.message}`));

let page;

async function open() {
  page = await browser.newPage();
  const trace = (line) => args.trace && appendFileSync(args.trace, `${line}\n`);
  page.on('console', (line) => trace(line.text()));
  page.on('pageerror', (error) => event('error', { text: error.message }));
  page.on('crash', () => event('error', { text: 'the page crashed' }));
  await page.exposeFunction('tell', (kind, fields) => event(kind, fields));
  await page.goto(`http://${args.page}/`);
  const secure = args.transport === 'wss';
  // The authority vouches for names.
  const at = secure ? args.server.replace(/^127\.0\.0\.1:/, 'localhost:') : args.server;
  await tellPage('start', {
    settings: {
      user: args.user,
      authUser: args['auth-user'] ?? args.user,
      password,
      domain: args.domain,
      url: `${args.transport}://${at}/sip`,
      expires: Number(args.expires),
    },
  });
}

const tellPage = (verb, more) => page.evaluate((command) => window.agent(command), { verb, ...more });
const address = (who) => (who.startsWith('sip:') ? who : `sip:${who.includes('@') ? who : `${who}@${args.domain}`}`);

await open();
event('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [, verb, rest] = /^(\S*) ?(.*)$/.exec(line);
  const [, to, body] = /^(\S*) ?(.*)$/.exec(rest);
  try {
    if (verb === 'quit') break;
    // As when the lid is shut: nothing is signed off.
    if (verb === 'close') await page.close({ runBeforeUnload: false });
    else if (verb === 'open') await open();
    else if (verb === 'message') await tellPage(verb, { to: address(to), body });
    else if (verb === 'call') await tellPage(verb, { to: address(to) });
    else await tellPage(verb);
  } catch (error) {
    event('error', { text: error.message });
  }
}
await browser.close();
process.exit(0);
