import type { LineObject } from '../../src/core/json-line.ts';

/** A generator of numbers in [0, 1) that is the same for the same seed. */
export function seeded(seed: string): () => number {
	let state = 0;
	for (const character of seed) state = (Math.imul(state, 31) + character.charCodeAt(0)) | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let value = Math.imul(state ^ (state >>> 15), 1 | state);
		value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
		return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
	};
}

export interface SampleRun {
	id: string;
	name: string;
	fate: 'finished' | 'running' | 'failed' | 'crashed';
	/** Rows it logged. */
	rows: number;
	/** How long before now it began. */
	ageMs: number;
	msPerRow: number;
	/** Records that wait on its device. */
	pending: number;
	hasNan: boolean;
	hasImages: boolean;
	config: LineObject;
	notes: string;
	tags: string[];
	best: number;
	pace: number;
}

const HOUR = 3600_000;
const STEP = 24;
/** Steps of a whole run: 1,000 rows, 24 steps apart. */
export const WHOLE_ROWS = 400;

const archs = ['unet-resnet34', 'unet-effnet-b3', 'segformer-b2', 'convnext-tiny-fpn', 'unet-base'];
const tricks = ['mixup0.2', 'focal-g2', 'deepsup', 'wd5e-2', 'flip-rot90', 'ema0.999', 'cosine-warmup1200', 'tiles512-stride384'];

/** 40 runs as a team leaves them after a week: long names, some going, one crashed, one failed, one with NaN, one with a single point. */
export function sampleRuns(count = 40): SampleRun[] {
	return Array.from({ length: count }, (_, i) => {
		const random = seeded(`run${i}`);
		const arch = archs[i % archs.length] ?? '';
		const trick = tricks[(i * 3) % tricks.length] ?? '';
		const lr = [3e-4, 6e-4, 1e-3, 1e-4][i % 4] ?? 3e-4;
		const batch = [32, 16, 64][i % 3] ?? 32;
		const fate = i < 3 ? 'running' : i === 4 ? 'crashed' : i === 7 ? 'failed' : 'finished';
		const rows = i === 8 ? 1 : i < 3 ? 310 - i * 57 : i === 4 ? 180 : i === 7 ? 70 : WHOLE_ROWS;
		const msPerRow = 34_000 + 6_000 * random();
		return {
			id: `k${i.toString(36).padStart(2, '0')}${Math.floor(random() * 36 ** 5)
				.toString(36)
				.padStart(5, '0')}`,
			name: i === 8 ? 'sanity-check-one-batch' : `nuclei-${arch}-${trick}-lr${lr.toExponential()}-bs${batch}-seed${1729 + (i % 5)}`,
			fate,
			rows,
			msPerRow,
			ageMs: fate === 'running' ? rows * msPerRow : 3 * HOUR + i * 5.3 * HOUR,
			pending: i === 1 ? 214 : 0,
			hasNan: i === 4 || i === 6,
			hasImages: i === 0,
			best: 0.87 + 0.06 * random(),
			pace: 0.6 + random(),
			tags: i === 0 ? ['candidate', 'webgpu'] : i % 7 === 3 ? ['baseline'] : [],
			notes:
				i === 0
					? 'Same as nuclei-unet-base with weight decay and flips. Dice passes the baseline near step 6 000 and stays ahead.\n\nSmall nuclei are still merged in crowded tiles: see val/prediction. Next: deep supervision on the two finest levels.'
					: '',
			config: {
				seed: 1729 + (i % 5),
				epochs: 41,
				optim: {
					optimizer: 'adamw',
					lr,
					weight_decay: i % 2 ? 0.02 : 0.05,
					betas: [0.9, 0.999],
					schedule: i % 3 ? 'cosine' : 'constant',
					warmup_steps: 1200,
				},
				model: { arch, depth: 4, base_channels: 32, norm: 'group(8)', params: 7_760_401, checkpointing: i % 2 === 0 },
				data: { tiles: 14208, tile_size: [256, 256], batch, flip: 0.5, classes: ['nucleus', 'mitosis', 'debris'] },
				loss: { dice: 0.7, bce: 0.3, ignore: 'debris below 24 px' },
			},
		};
	});
}

const layers = ['enc1.conv', 'enc2.conv', 'enc3.conv', 'enc4.conv', 'mid.conv', 'dec1.conv', 'dec2.conv', 'dec3.conv', 'dec4.conv', 'head'];

/** Rows of a run from row `from` on; each is what one call of log() gave. */
export function sampleRows(run: SampleRun, from: number, to: number, startMs: number): LineObject[] {
	const random = seeded(run.id + from);
	const gauss = (): number => (random() + random() + random() + random() - 2) * 1.2;
	const rows: LineObject[] = [];
	for (let i = from; i < to; i++) {
		const t = i / WHOLE_ROWS;
		const fall = Math.exp(-t * 14 * run.pace);
		const late = Math.exp(-t * 3 * run.pace);
		const loss = (0.085 + (1 - run.best) * 0.9 + 0.95 * fall + 0.28 * late) * (1 + 0.09 * gauss());
		const isNan = run.hasNan && t > 0.4;
		const row: LineObject = {
			_step: i * STEP,
			_timestamp: (startMs + i * run.msPerRow) / 1000,
			_runtime: (i * run.msPerRow) / 1000,
			epoch: Math.floor(t * 41),
			'train/loss': isNan ? Number.NaN : loss,
			'train/dice': run.best + 0.012 - (run.best - 0.18) * fall - 0.1 * late + 0.011 * gauss(),
			'train/accuracy': 1 - loss * 0.22 + 0.004 * gauss(),
			'train/lr': lrAt(run, t),
			'train/loss_dice': loss * 0.62 * (1 + 0.04 * gauss()),
			'train/loss_bce': loss * 0.38 * (1 + 0.06 * gauss()),
			'perf/images_per_s': 148 + (run.best - 0.9) * 300 + 6 * gauss(),
			'perf/step_ms': 84 + 5 * gauss() + (random() < 0.02 ? 60 : 0),
			'perf/data_wait_ms': Math.max(0.2, 3 + 2 * gauss()),
			'perf/epoch_eta_s': Math.max(0, (1 - t) * 15_000),
			'grads/norm': isNan ? Number.NaN : 0.5 + 3.8 * Math.exp(-t * 9) * (1 + 0.2 * gauss()),
			'grads/clip_fraction': Math.max(0, 0.4 * Math.exp(-t * 8) + 0.02 * gauss()),
			'system/gpu.0.memory_gb': 11.3 + 0.05 * gauss(),
			'system/gpu.0.percent': Math.min(100, 91 + 4 * gauss()),
			'system/cpu_percent': 34 + 6 * gauss(),
			'system/js_heap_mb': 220 + ((i * 3) % 90),
			'system/loop_lag_ms': 2 + random() * 3 + (random() < 0.03 ? 20 : 0),
		};
		for (const [k, layer] of layers.entries()) {
			row[`grads/${layer}.weight`] = (0.02 + 0.3 * Math.exp(-t * 6)) * (1 + k * 0.1) * (1 + 0.1 * gauss());
			row[`grads/${layer}.bias`] = (1e-4 + 2e-3 * Math.exp(-t * 6)) * (1 + 0.2 * gauss());
		}
		if (i % 12 === 0) {
			const dice = run.best - (run.best - 0.25) * Math.exp(-t * 11 * run.pace) - 0.07 * Math.exp(-t * 2.6 * run.pace) + 0.006 * gauss();
			row['val/dice'] = dice;
			row['val/iou'] = dice * 0.93 - 0.02;
			row['val/loss'] = 0.12 + (1 - run.best) * 1.05 + 0.7 * fall + 0.2 * late + Math.max(0, t - 0.55) * 0.1 + 0.012 * gauss();
			for (const [c, name] of ['nucleus', 'mitosis', 'debris'].entries()) {
				row[`val/dice_${name}`] = dice - c * 0.06 + 0.01 * gauss();
				row[`val/recall_${name}`] = dice - c * 0.05 + 0.012 * gauss();
				row[`val/precision_${name}`] = dice - c * 0.04 + 0.012 * gauss();
			}
			row['val/ece'] = Math.max(0.004, 0.02 + 0.2 * late * 0.3 + 0.004 * gauss());
			row['val/hausdorff_px'] = 6 + 30 * late + gauss();
			row['val/missed_small'] = Math.round(40 + 300 * late + 6 * gauss());
		}
		rows.push(row);
	}
	return rows;
}

function lrAt(run: SampleRun, t: number): number {
	const { lr, schedule } = run.config.optim as { lr: number; schedule: string };
	if (schedule === 'constant') return lr;
	return t < 0.05 ? (lr * t) / 0.05 : lr * (0.5 + 0.5 * Math.cos((Math.PI * (t - 0.05)) / 0.95));
}
