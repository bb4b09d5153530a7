#!/usr/bin/env node
// Notices: an application with its token, a notice to a person and to a group, and what goes wrong.

import { expect, facts, go, look, send, signedIn, walk } from './browser.mjs';

const hostile = '<svg onload=alert(1)>';

await walk(async () => {
  const ana = await signedIn('en', 'ana');
  await go(ana, '/admin/notice');
  await look(ana, 'notice-empty', 'en');

  // An application: refused, made, given a token.
  const add = 'form[action="/admin/notice/applications"] button';
  await ana.fill('#name', 'Not A Name');
  await ana.fill('#title', hostile);
  await send(ana, add);
  expect(ana, 'the name is refused', await ana.isVisible('#faults'));
  expect(ana, 'what was typed stays', (await ana.inputValue('#title')) === hostile);
  await ana.fill('#name', 'mail');
  await send(ana, add);
  await ana.fill('#name', 'print-hall');
  await ana.fill('#title', 'P\u202er\u202dinter with a name of sixty-four bytes');
  await send(ana, add);
  await look(ana, 'notice', 'en');
  await ana.click('details summary');
  await look(ana, 'notice-change', 'en');
  await ana.fill('#networks-mail', 'not a network');
  await send(ana, 'form[action$="/mail/token"] button');
  expect(ana, 'the network is refused', await ana.isVisible('#faults'));
  await ana.click('details summary');
  await ana.fill('#networks-mail', '127.0.0.0/8');
  await send(ana, 'form[action$="/mail/token"] button');
  expect(ana, 'a token', /^tagus_/.test(await ana.textContent('code.fingerprint')));
  await look(ana, 'notice-token', 'en');

  // A notice: without a text, then looked at, changed, sent.
  const rui = await signedIn('pt', 'rui');
  await go(rui, '/admin/notice');
  await look(rui, 'notice', 'pt');
  const write = 'form[action="/admin/notice/preview"] button';
  await rui.fill('#person', facts.person);
  await send(rui, write);
  expect(rui, 'a text is missing', await rui.isVisible('#text-en-fault'));
  await look(rui, 'notice-faults', 'pt');
  await rui.fill('#text-en', `The lab closes at six.\n${hostile}`);
  await rui.fill('#text-pt', 'O laboratório fecha às seis.');
  await send(rui, write);
  const text = await rui.textContent('main .card');
  expect(rui, 'his own language first', text.indexOf('laboratório') < text.indexOf('lab closes'));
  await look(rui, 'notice-preview', 'pt');
  await send(rui, 'button[name=back]');
  expect(rui, 'it can be changed', (await rui.inputValue('#text-pt')).includes('seis'));
  await send(rui, write);
  await send(rui, 'form[action="/admin/notice/send"] button.primary');
  expect(rui, 'it waits for one', (await rui.textContent('.facts')).includes('Espera'));
  await look(rui, 'notice-sent', 'pt');

  // To a group that is none, and to one with a name of ten thousand letters.
  await go(ana, '/admin/notice');
  await ana.selectOption('#whom', 'group');
  await ana.fill('#text-en', 'Lab 2 closes at six.');
  await ana.fill('#group', 'x'.repeat(10_000));
  await send(ana, write);
  expect(ana, 'no such group', await ana.isVisible('#group-fault'));
  await look(ana, 'notice-group', 'en');
  await ana.fill('#group', 'staff');
  await send(ana, write);
  await look(ana, 'notice-preview', 'en');
  await send(ana, 'form[action="/admin/notice/send"] button.primary');
  await look(ana, 'notice-sent', 'en');

  // Who may only look sees what there is, and no form.
  const eva = await signedIn('pt', 'eva');
  await go(eva, '/admin/notice');
  expect(eva, 'no form', (await eva.locator('main form').count()) === 0);
  await look(eva, 'notice-readonly', 'pt');

  await go(ana, '/admin/notice');
  await ana.click('details summary');
  await send(ana, 'form[action$="/mail/remove"] button');
  expect(ana, 'it is gone', !(await ana.textContent('main')).includes('app/mail@'));
});
