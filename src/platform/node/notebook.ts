interface Kernel {
	Deno?: { jupyter?: unknown };
	$$?: { display?: unknown };
}

/**
 * Whether this is a cell of a notebook: of Deno's own kernel for Jupyter (`Deno.jupyter`; outside of the kernel Deno throws there) or of IJavascript
 * (`$$.display`). Pages that are notebooks look like other pages.
 */
export function isNotebook(scope: object = globalThis): boolean {
	const { Deno, $$ } = scope as Kernel;
	try {
		return typeof $$?.display === 'function' || Deno?.jupyter !== undefined;
	} catch {
		return false;
	}
}
