/** The program in Cloudflare's runtime: /train waits for it; /wait-until answers at once and leaves the end of the run to the runtime. */
import { init } from '../../dist/edge/index.js';
import { train } from './program.js';

export default {
	async fetch(request, _env, context) {
		const { pathname, searchParams } = new URL(request.url);
		const server = searchParams.get('server');
		if (pathname === '/up') return new Response('up');
		if (pathname === '/train') return Response.json(await train(init, { server }));
		const run = init({ project: 'runtimes', server });
		for (let i = 0; i < 1_234; i++) run.log({ i });
		context.waitUntil(run.finish());
		return Response.json({ id: run.id });
	},
};
