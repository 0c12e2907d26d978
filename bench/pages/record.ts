/** A record as a training makes one: new values each call, in an object of its own. */
export function record(i: number) {
	const x = i / 1000;
	return {
		loss: 2 / (1 + x),
		acc: 1 - 1 / (1 + x),
		'val/loss': 2.1 / (1 + x),
		'val/acc': 0.98 - 1 / (1 + x),
		lr: 0.001 / (1 + x / 10),
		'grad/norm': Math.sin(x),
		'grad/max': Math.cos(x),
		epoch: i % 100,
		'samples/s': 31250.5 + x,
		temperature: 0.7 * x,
	};
}
