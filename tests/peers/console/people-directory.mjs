#!/usr/bin/env node
// Somebody who looks after people of the directory: sees how they stand, and locks one out.

import { expect, go, look, send, signedIn, walk } from './browser.mjs';

await walk(async () => {
  for (const [language, name, user] of [['en', 'ana', 'u06'], ['pt', 'rui', 'u07']]) {
    const page = await signedIn(language, name);
    const rows = async (query) => {
      await go(page, `/admin/people?${query}`);
      return (await page.$$('tbody tr')).length;
    };
    expect(page, 'everybody', (await rows('source=directory')) === 32);
    await look(page, 'people-directory', language);
    expect(page, 'one is gone', (await rows('state=absent')) === 1);
    expect(page, 'many are kept in', (await rows('state=held')) === 20);
    await look(page, 'people-held', language);
    expect(page, 'two are staff', (await rows('group=STAFF')) === 2);
    for (const [person, hostile] of [['u01', true], ['u02', true], ['u03', true], [user, false]]) {
      await go(page, `/admin/people/${person}/edit`);
      expect(page, 'nothing to be typed', (await page.$$('#name, #password')).length === 0);
      await look(page, hostile ? `person-hostile-${person}` : 'person-directory', language);
    }
    expect(page, 'nothing is kept here', (await page.$$('#typed')).length === 0);
    await page.click('details:has([action$="/disable"]) summary');
    await send(page, 'form[action$="/disable"] button');
    expect(page, 'he can be let in again', await page.isVisible('form[action$="/enable"] button'));
    const may = name === 'ana' ? 1 : 0;
    expect(page, 'deleting is for administrators', (await page.$$('#typed')).length === may);
    expect(page, 'locked here', (await rows('state=disabled')) === (language === 'en' ? 2 : 3));
    await go(page, '/admin/groups');
    expect(page, 'a group of the directory', (await page.textContent('tbody')).includes('staff'));
    await look(page, 'groups-directory', language);
  }
});
