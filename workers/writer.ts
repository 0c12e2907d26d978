import { expose, type Remote } from 'comlink';
import type { PartTexts } from '../src/platform/web/worker-parts.ts';
import { webWriterPlatform } from '../src/platform/web/writer-platform.ts';
import type { MediaModule } from '../src/run-writer.ts';
import type { RowsModule } from '../src/sync/sender.ts';
import { Writer } from '../src/writer.ts';

/** Set by the other parts as they are loaded. */
interface Parts {
	tidelogRows?: RowsModule;
	tidelogMedia?: MediaModule;
}
declare const self: Parts;
declare function importScripts(url: string | URL): void;

/** Gives the text of a part as built; asked of the page, whose bundler knows where it is. */
let texts: Remote<PartTexts>;

/** A worker that was started from an address has the other parts beside it; one that was started from text gets text. */
async function load<Name extends keyof Parts>(name: Name, part: keyof PartTexts): Promise<NonNullable<Parts[Name]>> {
	if (!self[name]) {
		const file = `worker-${part}.js`;
		const isText = location.protocol === 'blob:';
		importScripts(isText ? URL.createObjectURL(new Blob([await texts[part]()], { type: 'text/javascript' })) : new URL(file, location.href));
		if (!self[name]) throw new Error(`${file} is not the file of this release`);
	}
	return self[name] as NonNullable<Parts[Name]>;
}

class WebWriter extends Writer {
	/** Comlink's proxy must stay referenced, or it is collected and never answers. */
	provide(given: Remote<PartTexts>): void {
		texts = given;
	}
}

expose(new WebWriter(webWriterPlatform({ loadRows: () => load('tidelogRows', 'rows'), loadMedia: () => load('tidelogMedia', 'media') })));
