import { expose } from 'comlink';
import { webWriterPlatform } from '../src/platform/web/writer-platform.ts';
import type { RowsModule } from '../src/sync/sender.ts';
import { Writer } from '../src/writer.ts';

declare const self: { tidelogRows?: RowsModule };
declare function importScripts(url: string | URL): void;

/** Gives the text of workers/rows.ts as built; asked of the page, whose bundler knows where it is. */
let rowsText: () => Promise<string>;

/** A worker that was started from an address has the other part beside it; one that was started from text gets text. */
async function loadRows(): Promise<RowsModule> {
	if (!self.tidelogRows) {
		const isText = location.protocol === 'blob:';
		const url = isText ? URL.createObjectURL(new Blob([await rowsText()], { type: 'text/javascript' })) : new URL('worker-rows.js', location.href);
		importScripts(url);
	}
	if (!self.tidelogRows) throw new Error('worker-rows.js is not the file of this release');
	return self.tidelogRows;
}

class WebWriter extends Writer {
	/** Comlink's proxy must stay referenced, or it is collected and never answers. */
	provide(text: () => Promise<string>): void {
		rowsText = text;
	}
}

expose(new WebWriter(webWriterPlatform(loadRows)));
