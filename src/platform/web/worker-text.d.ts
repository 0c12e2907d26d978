/** The built writer worker as text; the build puts it in (rollup.config.mjs). */
declare module 'tidelog:worker-source' {
	const source: string;
	export default source;
}
