import type { Sample } from './messages.ts';

const PLACES = 8;

/** Eight validation digits, each with what the network takes it for and how sure it is. */
export class SampleSheet {
	readonly #host: HTMLElement;
	#samples: readonly Sample[] = [];

	constructor(host: HTMLElement) {
		this.#host = host;
		this.#draw();
		// Ink and paper are painted into pixels, so they must be painted anew when the theme changes.
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
	}

	show(samples: readonly Sample[]): void {
		this.#samples = samples;
		this.#draw();
	}

	#draw(): void {
		const ink = rgb(getComputedStyle(this.#host).getPropertyValue('--ink-1'));
		this.#host.replaceChildren(...Array.from({ length: PLACES }, (_, place) => figure(this.#samples[place], ink)));
		if (this.#samples.length > 0) return;
		const note = document.createElement('p');
		note.textContent = 'Eight digits the network never trains on appear here, with what it takes them for.';
		this.#host.append(note);
	}
}

function figure(sample: Sample | undefined, ink: readonly number[]): HTMLElement {
	const made = document.createElement('figure');
	made.className = 'digit';
	const canvas = document.createElement('canvas');
	const caption = document.createElement('figcaption');
	const sure = document.createElement('span');
	sure.className = 'sure';
	if (sample === undefined) {
		canvas.width = canvas.height = 28;
	} else {
		const { label, prediction, fraction } = sample;
		const isRight = label === prediction;
		made.classList.toggle('is-wrong', !isRight);
		paint(canvas, sample, ink);
		canvas.setAttribute('role', 'img');
		canvas.setAttribute('aria-label', `A handwritten ${label}`);
		const taken = document.createElement('b');
		taken.textContent = String(prediction);
		const verdict = document.createElement('span');
		verdict.className = isRight ? '' : 'wrong';
		verdict.textContent = isRight ? fraction.toFixed(2) : `✕ is ${label}`;
		caption.append(taken, verdict);
		caption.title = `${label} taken for ${prediction}, certainty ${fraction.toFixed(2)}`;
		const bar = document.createElement('i');
		bar.style.width = `${100 * fraction}%`;
		sure.append(bar);
	}
	made.append(canvas, caption, sure);
	return made;
}

function paint(canvas: HTMLCanvasElement, { pixels, width, height }: Sample, [red = 0, green = 0, blue = 0]: readonly number[]): void {
	canvas.width = width;
	canvas.height = height;
	const image = new ImageData(width, height);
	for (let pixel = 0; pixel < pixels.length; pixel++) image.data.set([red, green, blue, pixels[pixel] as number], 4 * pixel);
	canvas.getContext('2d')?.putImageData(image, 0, 0);
}

/** `#152025` → 21, 32, 37 */
function rgb(hex: string): number[] {
	const value = Number.parseInt(hex.trim().slice(1), 16);
	return [value >> 16, (value >> 8) & 255, value & 255];
}
