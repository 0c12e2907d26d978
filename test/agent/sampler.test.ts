import { afterEach, expect, it, vi } from 'vitest';
import { type Sample, Sampler, type SamplerOptions } from '../../agent/src/index.ts';
import { fakeSmi } from './fake-smi.ts';

const ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends.splice(0)) end();
});

function begin(behaviours: string[], options: Partial<SamplerOptions> = {}) {
	const fake = fakeSmi(...behaviours);
	const samples: Sample[] = [];
	const notices: string[] = [];
	const sampler = new Sampler({
		intervalMs: 100,
		nvidiaSmi: { path: fake.path, silenceMs: 1500, backOffMs: [50, 200] },
		onSample: (sample) => samples.push(sample),
		onNotice: (message) => notices.push(message),
		...options,
	});
	ends.push(() => {
		sampler.stop();
		fake.remove();
	});
	sampler.start();
	return {
		fake,
		samples,
		notices,
		sampler,
		gpuSamples: () => samples.filter(({ values }) => Object.keys(values).some((key) => key.startsWith('gpu.'))),
	};
}
const until = (condition: () => void) => vi.waitFor(condition, { timeout: 20_000, interval: 20 });
const isAlive = (pid: number) => {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
};

it('reads eight GPUs from one child, and every moment is one sample', async () => {
	const { fake, gpuSamples, sampler } = begin(['rows 8']);
	await until(() => expect(gpuSamples().length).toBeGreaterThan(5));
	for (const { values } of gpuSamples()) {
		expect(Object.keys(values).filter((key) => key.endsWith('.gpu'))).toEqual([...Array(8).keys()].map((i) => `gpu.${i}.gpu`));
		expect(values).toMatchObject({ 'gpu.7.gpu': 17, 'gpu.7.temp': 47, 'gpu.7.memoryAllocated': 25, 'gpu.7.memoryAllocatedBytes': 2 ** 30 });
		expect(values).not.toHaveProperty('gpu.7.powerWatts');
	}
	expect(fake.starts()).toHaveLength(1);
	expect(fake.starts()[0]?.locale).toBe('C');
	expect(sampler.gpus).toHaveLength(8);
	const pid = fake.starts()[0]?.pid ?? 0;
	expect(isAlive(pid)).toBe(true);
	sampler.stop();
	await until(() => expect(isAlive(pid)).toBe(false));
});

it('stopped and started again at once, it has one child, also where the first one ignores the signal to end', async () => {
	const { fake, gpuSamples, sampler } = begin(['hang-after-row', 'rows 1']);
	await until(() => expect(gpuSamples()).toHaveLength(1));
	sampler.stop();
	sampler.start();
	await until(() => expect(gpuSamples().length).toBeGreaterThan(30));
	expect(fake.starts()).toHaveLength(2);
	expect(fake.starts().filter(({ pid }) => isAlive(pid))).toHaveLength(1);
});

it('the series of a GPU that vanished ends, the others go on', async () => {
	const { gpuSamples } = begin(['vanish 3']);
	await until(() => expect(gpuSamples().length).toBeGreaterThan(8));
	const counts = gpuSamples().map(({ values }) => Object.keys(values).filter((key) => key.endsWith('.temp')).length);
	expect(counts.slice(0, 3)).toEqual([3, 3, 3]);
	expect(new Set(counts.slice(3))).toEqual(new Set([2]));
});

it.each(['die 9', 'crash', 'misprint', 'hang'])('a child that does "%s" is started again, and then its rows come', async (behaviour) => {
	const { fake, gpuSamples, notices } = begin([behaviour, behaviour, 'rows 1']);
	await until(() => expect(gpuSamples().length).toBeGreaterThan(1));
	expect(fake.starts()).toHaveLength(3);
	expect(notices.some((notice) => notice.startsWith('nvidia-smi '))).toBe(true);
	expect(
		fake
			.starts()
			.slice(0, 2)
			.filter(({ pid }) => isAlive(pid)),
	).toEqual([]);
});

it('a child that hangs after its first row and ignores signals is killed and replaced', async () => {
	const { fake, gpuSamples, notices } = begin(['hang-after-row', 'rows 1']);
	await until(() => expect(gpuSamples().length).toBeGreaterThan(3));
	expect(fake.starts()).toHaveLength(2);
	expect(notices.join()).toContain('hangs');
});

it('a child that dies again and again is started ever more rarely', async () => {
	const { fake, notices } = begin(['die 1'], {});
	await new Promise((resolve) => setTimeout(resolve, 2000));
	// Without a back-off it would be one every start-up time (about 50 ms); waits of 50, 100, 200, 200 … ms lie between them.
	expect(fake.starts().length).toBeGreaterThan(2);
	expect(fake.starts().length).toBeLessThan(14);
	expect(notices.filter((notice) => notice.includes('mismatch'))).toHaveLength(1);
});

it('a field that the driver does not know is left out, and the rest is read', async () => {
	const { fake, gpuSamples, notices } = begin(['unknown-field utilization.encoder']);
	await until(() => expect(gpuSamples().length).toBeGreaterThan(1));
	expect(fake.starts().map(({ fields }) => fields.includes('utilization.encoder'))).toEqual([true, false]);
	expect(notices.join()).toContain('utilization.encoder');
});

it('where there is no nvidia-smi it says so, and reads the rest', async () => {
	const path = process.env.PATH;
	process.env.PATH = '/nowhere';
	const { samples, notices, sampler } = begin([], { nvidiaSmi: {} });
	process.env.PATH = path;
	if (sampler.smi?.state !== 'absent') return expect(sampler.smi?.state).toBe('starting'); // A machine that has one where drivers put it.
	expect(notices).toEqual([expect.stringContaining('No nvidia-smi was found')]);
	await until(() => expect(samples.length).toBeGreaterThan(1));
});

it.skipIf(process.platform !== 'linux')('reads CPU, memory, disk and network of the machine with W&B keys', async () => {
	const { samples } = begin([], { nvidiaSmi: false });
	await until(() => expect(samples.length).toBeGreaterThan(2));
	const { values, timestampMs } = samples.at(-1) as Sample;
	expect(Math.abs(timestampMs - Date.now())).toBeLessThan(1000);
	expect(values.cpu).toBeGreaterThanOrEqual(0);
	expect(values.cpu).toBeLessThanOrEqual(100);
	expect(values.memory_percent).toBeGreaterThan(0);
	expect(values.memory_percent).toBeLessThan(100);
	expect(values['disk./.usagePercent']).toBeGreaterThan(0);
	expect(values['disk./.usageGB']).toBeGreaterThan(0);
	expect(values['network.sent']).toBeGreaterThanOrEqual(0);
	expect(values).not.toHaveProperty('proc.memory.rssMB');
});

it('of its own process it knows memory and CPU', async () => {
	const { samples } = begin([], { nvidiaSmi: false, isOwnProcess: true });
	const endMs = Date.now() + 300;
	await until(() => expect(samples.length).toBeGreaterThan(0));
	while (Date.now() < endMs);
	const before = samples.length;
	await until(() => expect(samples.length).toBeGreaterThan(before));
	expect(samples[before]?.values.cpu).toBeGreaterThan(1);
	expect(samples[before]?.values['proc.memory.rssMB']).toBeGreaterThan(20);
});
