import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupMetrics } from '../../dashboard/src/components/sections.ts';
import { parsePath, runPath, workspacePath } from '../../dashboard/src/router.ts';
import { DEFAULT_VIEW, nameFilter, parseView, type View, writeView } from '../../dashboard/src/state/view.ts';

test('an address written for any names is read back as these names', () => {
	const name = fc.string({ minLength: 1 }).filter((text) => text !== '.' && text !== '..' && !/[\ud800-\udfff]/.test(text));
	fc.assert(
		fc.property(name, name, name, fc.constantFrom('overview', 'charts', 'media', 'files'), (entity, project, runId, tab) => {
			expect(parsePath(workspacePath(entity, project))).toEqual({ page: 'workspace', entity, project });
			expect(parsePath(runPath(entity, project, runId, tab as 'media'))).toEqual({ page: 'run', entity, project, runId, tab });
		}),
	);
	expect(parsePath('/')).toEqual({ page: 'projects' });
	expect(parsePath('/a/b/c/d').page).toBe('unknown');
});

test('a view that was written into the address is read back, and the default one writes nothing', () => {
	const view: View = {
		...DEFAULT_VIEW,
		x: 'time',
		smoothing: 0.6,
		log: ['train/loss', 'a,b%'],
		hidden: ['r1'],
		runSearch: '/seed\\d+/',
		zoom: [10, 20.5],
		order: 'low',
	};
	expect(parseView(writeView(view))).toEqual(view);
	expect(writeView(DEFAULT_VIEW)).toBe('');
	expect(parseView('?s=9&x=sideways&zoom=5,1&o=')).toEqual(DEFAULT_VIEW);
});

test('a search is text, or an expression between slashes', () => {
	const names = ['adamw-3e-4', 'sgd-momentum', 'AdamW-1e-3'];
	expect(names.filter(nameFilter('adam'))).toEqual(['adamw-3e-4', 'AdamW-1e-3']);
	expect(names.filter(nameFilter('/^s.*m$/'))).toEqual(['sgd-momentum']);
	expect(names.filter(nameFilter(''))).toEqual(names);
	expect(() => names.filter(nameFilter('/(/'))).not.toThrow();
});

test('metrics stand in sections by prefix, what people look at first before the rest, numbers in order of size', () => {
	expect(groupMetrics(['system/cpu', 'val/acc', 'layer10/w', 'layer2/w', 'train/loss', 'epoch'])).toEqual([
		{ name: 'charts', keys: ['epoch'] },
		{ name: 'train', keys: ['train/loss'] },
		{ name: 'val', keys: ['val/acc'] },
		{ name: 'layer2', keys: ['layer2/w'] },
		{ name: 'layer10', keys: ['layer10/w'] },
		{ name: 'system', keys: ['system/cpu'] },
	]);
});
