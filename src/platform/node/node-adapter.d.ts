/** Comlink 4.4 ships the types of its Node adapter under another ending than its code. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
	export { default } from 'comlink/dist/esm/node-adapter';
}
