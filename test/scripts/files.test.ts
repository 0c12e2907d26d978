import { expect, test } from 'vitest';
import { checkFiles } from '../../scripts/check/files.ts';
import { planted } from './planted.ts';

const lines = (count: number) => 'const a = 1;\n'.repeat(count);
const find = (path: string, text: string) => checkFiles(planted({ [path]: text }), ['/srv/somebody']);

test('a shipped file over 800 lines fails, over 400 warns', () => {
	expect(find('src/a.ts', lines(801)).problems).toEqual(['src/a.ts has 801 lines; 800 are the most. Find the seam.']);
	expect(find('server/src/a.ts', lines(800))).toMatchObject({ problems: [], warnings: ['server/src/a.ts has 800 lines; look for the seam.'] });
	expect(find('dashboard/src/a.tsx', lines(400))).toMatchObject({ problems: [], warnings: [] });
	expect(find('test/a.test.ts', lines(2000)).problems).toEqual([]);
});

test('a note of something to do must say what it waits for', () => {
	const note = ['TO', 'DO'].join('');
	expect(find('src/a.ts', `// ${note}: make this faster\n`).problems).toEqual([expect.stringContaining('src/a.ts:1')]);
	expect(find('src/a.ts', `// ${note}: drop this once Safari 19 is the oldest\n`).problems).toEqual([]);
});

test.each(['home/joe', 'Users/joe', 'srv/somebody'])('a folder of some machine (%s) is found, in any text', (folder) => {
	expect(find('docs/a.md', `Look into /${folder}/tidelog for it.`).problems).toEqual(["docs/a.md:1 names a folder of somebody's machine."]);
});

test('an address whose path only looks like one is not', () => {
	expect(find('docs/a.md', 'https://example.com/home/joe/page and `src/home/joe/x.ts`').problems).toEqual([]);
});
