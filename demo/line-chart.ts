const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 28;
const RIGHT = 6;
const TOP = 20;
const BOTTOM = 18;
/** Share of the past in the drawn line; the values themselves stand behind it, paler. */
const SMOOTHING = 0.8;

/** A line over batches, from 0, growing to the right; colours come from the style sheet, so that both themes need nothing here. */
export class LineChart {
	readonly #host: HTMLElement;
	readonly #name: string;
	readonly #fixedTop: number | undefined;
	readonly #svg: SVGSVGElement;
	#values: number[] = [];
	#smooth: number[] = [];
	#average = 0;
	#weight = 0;

	/** @param fixedTop Upper end of the axis; from the values when left out. */
	constructor(host: HTMLElement, name: string, fixedTop?: number) {
		this.#host = host;
		this.#name = name;
		this.#fixedTop = fixedTop;
		this.#svg = element('svg', { role: 'img' });
		host.append(this.#svg);
		new ResizeObserver(() => this.draw()).observe(host);
	}

	get newest(): number | undefined {
		return this.#values.at(-1);
	}

	clear(): void {
		this.#values = [];
		this.#smooth = [];
		this.#average = 0;
		this.#weight = 0;
	}

	add(value: number): void {
		this.#values.push(value);
		if (Number.isFinite(value)) {
			this.#average = SMOOTHING * this.#average + (1 - SMOOTHING) * value;
			this.#weight = SMOOTHING * this.#weight + (1 - SMOOTHING);
		}
		this.#smooth.push(this.#weight === 0 ? value : this.#average / this.#weight);
	}

	draw(): void {
		const { clientWidth: width, clientHeight: height } = this.#host;
		if (width === 0) return;
		const count = this.#values.length;
		const top = this.#fixedTop ?? topFor(this.#values);
		const span = Math.max(count, 100);
		const x = (index: number) => LEFT + (index / (span - 1)) * (width - LEFT - RIGHT);
		const y = (value: number) => height - BOTTOM - (Math.min(value, top) / top) * (height - BOTTOM - TOP);
		const parts: SVGElement[] = [];
		for (const level of [0, top / 2, top]) {
			const at = Math.round(y(level)) + 0.5;
			parts.push(element('line', { class: level === 0 ? 'base' : 'level', x1: level === 0 ? LEFT : 0, x2: width, y1: at, y2: at }));
			parts.push(text(String(level), 0, at - 3, 'start'));
		}
		if (count > 0) {
			parts.push(text('0', LEFT, height - 4, 'start'));
			parts.push(
				text(count < 1000 ? String(count - 1) : `${((count - 1) / 1000).toFixed(1)}k`, x(count - 1), height - 4, count * 8 < span ? 'start' : 'end'),
			);
			const columns = Math.max(1, Math.floor((width - LEFT - RIGHT) / 1.5));
			parts.push(element('path', { class: 'raw', d: path(this.#values, columns, x, y) }));
			parts.push(element('path', { class: 'line', d: path(this.#smooth, columns, x, y) }));
			const last = this.#smooth[count - 1] as number;
			if (Number.isFinite(last)) parts.push(element('circle', { class: 'now', cx: x(count - 1), cy: y(last), r: 3 }));
		}
		this.#svg.setAttribute(
			'aria-label',
			count === 0 ? `${this.#name}, no values yet` : `${this.#name} by batch, newest ${this.newest} at ${count - 1}`,
		);
		this.#svg.replaceChildren(...parts);
	}
}

/** The last value of each pixel column; a gap where it is not finite. */
function path(values: readonly number[], columns: number, x: (index: number) => number, y: (value: number) => number): string {
	const every = Math.max(1, Math.floor(values.length / columns));
	let d = '';
	let isDown = false;
	for (let index = (values.length - 1) % every; index < values.length; index += every) {
		const value = values[index] as number;
		if (Number.isFinite(value)) d += `${isDown ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
		isDown = Number.isFinite(value);
	}
	return d;
}

/** 1, 2 or 5 times a power of ten above nearly all values: the first batches of a high learning rate must not flatten the rest. */
function topFor(values: readonly number[]): number {
	const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
	const high = finite[Math.floor(0.995 * (finite.length - 1))] ?? 2;
	const power = 10 ** Math.floor(Math.log10(high > 0 ? high : 1));
	return Number(((([1, 2, 4, 5].find((factor) => factor * power >= high) ?? 10) * power) as number).toPrecision(3));
}

function element<K extends keyof SVGElementTagNameMap>(name: K, attributes: Record<string, string | number>): SVGElementTagNameMap[K] {
	const made = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
	return made;
}

function text(content: string, x: number, y: number, anchor: 'start' | 'end'): SVGTextElement {
	const made = element('text', { x, y, 'text-anchor': anchor });
	made.textContent = content;
	return made;
}
