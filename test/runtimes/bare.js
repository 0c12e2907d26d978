/**
 * node bare.js BUILD SERVER NAME…: the program where each of the globals named throws when it is so much as looked at. What only browsers have
 * must not be touched, at import or later.
 */
const [build, server, ...names] = process.argv.slice(2);
for (const name of names) {
	Object.defineProperty(globalThis, name, {
		configurable: true,
		get() {
			throw new Error(`${name} was looked at`);
		},
	});
}
const { init } = await import(build);
const { train } = await import('./program.js');
console.log(JSON.stringify(await train(init, { server })));
// The build for the edge has timers that keep a process, where nobody else would.
process.exit();
