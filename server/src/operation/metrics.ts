/**
 * The Prometheus text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): metrics that count, and those that are asked when
 * somebody looks. Labels are few and their values fixed, or each client could make the server remember another.
 */
export type Labels = Readonly<Record<string, string>>;
type Kind = 'counter' | 'gauge' | 'histogram';
interface Sample {
	suffix?: string;
	labels: Labels;
	value: number;
}

abstract class Metric {
	readonly name: string;
	readonly #help: string;
	readonly #kind: Kind;

	constructor(name: string, help: string, kind: Kind) {
		this.name = name;
		this.#help = help;
		this.#kind = kind;
	}

	abstract samples(): Iterable<Sample>;

	/** Lines of the format, each with its line feed. */
	text(): string {
		let text = `# HELP ${this.name} ${this.#help}\n# TYPE ${this.name} ${this.#kind}\n`;
		for (const { suffix = '', labels, value } of this.samples()) text += `${this.name}${suffix}${labelText(labels)} ${numberText(value)}\n`;
		return text;
	}
}

/** A number for each combination of labels. */
export class Counter extends Metric {
	readonly #values = new Map<string, Sample>();

	constructor(name: string, help: string) {
		super(name, help, 'counter');
	}

	add(count: number, labels: Labels = {}): void {
		const key = labelText(labels);
		const known = this.#values.get(key);
		if (known) known.value += count;
		else this.#values.set(key, { labels, value: count });
	}

	samples(): Iterable<Sample> {
		return this.#values.values();
	}
}

/** What is so at the moment: asked when somebody looks. */
export class Gauge extends Metric {
	readonly #read: () => Iterable<Sample>;

	constructor(name: string, help: string, read: () => number | Iterable<Sample>) {
		super(name, help, 'gauge');
		this.#read = () => {
			const value = read();
			return typeof value === 'number' ? [{ labels: {}, value }] : value;
		};
	}

	samples(): Iterable<Sample> {
		return this.#read();
	}
}

export class Histogram extends Metric {
	readonly #bounds: readonly number[];
	readonly #series = new Map<string, { labels: Labels; counts: number[]; count: number; sum: number }>();

	/** @param bounds upper ends of the buckets, rising; `+Inf` comes by itself. */
	constructor(name: string, help: string, bounds: readonly number[]) {
		super(name, help, 'histogram');
		this.#bounds = bounds;
	}

	observe(value: number, labels: Labels = {}): void {
		const key = labelText(labels);
		let series = this.#series.get(key);
		if (!series) {
			series = { labels, counts: this.#bounds.map(() => 0), count: 0, sum: 0 };
			this.#series.set(key, series);
		}
		const at = this.#bounds.findIndex((bound) => value <= bound);
		if (at !== -1) series.counts[at] = (series.counts[at] as number) + 1;
		series.count++;
		series.sum += value;
	}

	*samples(): Iterable<Sample> {
		for (const { labels, counts, count, sum } of this.#series.values()) {
			let below = 0;
			for (const [at, bound] of this.#bounds.entries()) {
				below += counts[at] as number;
				yield { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: below };
			}
			yield { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count };
			yield { suffix: '_sum', labels, value: sum };
			yield { suffix: '_count', labels, value: count };
		}
	}
}

function labelText(labels: Labels): string {
	const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`);
	return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function numberText(value: number): string {
	if (Number.isFinite(value)) return String(value);
	return Number.isNaN(value) ? 'NaN' : `${value > 0 ? '+' : '-'}Inf`;
}
