/** node node-train.js BUILD SERVER: the program with the build that is named, in the present folder. Prints what came of it. */
const [build, server] = process.argv.slice(2);
const { init } = await import(build);
const { train } = await import('./program.js');
console.log(JSON.stringify(await train(init, { server })));
