/** The parts of the worker that it loads when they are needed, as text. */
export interface PartTexts {
	rows(): Promise<string>;
	media(): Promise<string>;
}
