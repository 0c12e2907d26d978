/** The built writer worker as text; the build puts it in (rollup.config.mjs). */
declare module 'tidelog:worker-text' {
	const text: string;
	export default text;
}

/** The same for the part that sends to W&B servers. */
declare module 'tidelog:worker-rows-text' {
	const text: string;
	export default text;
}

/** The same for the part that encodes media. */
declare module 'tidelog:worker-media-text' {
	const text: string;
	export default text;
}
