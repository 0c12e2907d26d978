import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Ends every run with one plain line that people and machines count by; reasons for skipped tests stand above it. */
export default class ClosingLine implements Reporter {
	#failed = 0;
	#passed = 0;
	#skipped: string[] = [];

	onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
		this.#failed = errors.length;
		this.#passed = 0;
		this.#skipped = [];
		for (const module of modules) {
			if (module.state() === 'failed' && module.errors().length > 0) this.#failed++;
			for (const test of module.children.allTests()) {
				const result = test.result();
				if (result.state === 'passed') this.#passed++;
				else if (result.state === 'failed') this.#failed++;
				else this.#skipped.push(`${module.relativeModuleId} > ${test.fullName}: ${(result.state === 'skipped' && result.note) || 'no reason given'}`);
			}
		}
		if (this.#passed + this.#failed === 0) {
			console.log('No test was run.');
			this.#failed = 1;
			process.exitCode = 1;
		}
		// The default reporter prints its own summary after this hook; the closing line has to stand below it.
		process.once('exit', () => {
			for (const skipped of this.#skipped) console.log(`skipped: ${skipped}`);
			console.log(`${this.#passed} passed, ${this.#failed} failed, ${this.#skipped.length} skipped`);
		});
	}
}
