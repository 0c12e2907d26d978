import type { Reporter, SerializedError, TestModule, TestSuite } from 'vitest/node';

/**
 * Ends every run with one plain line that people and machines count by; reasons for skipped tests stand above it. What goes wrong outside
 * of a test (a file that cannot be loaded, a hook, an unhandled error) is a failure, and so are a test that never ended and a run without tests.
 */
export default class ClosingLine implements Reporter {
	#failed = 1;
	#passed = 0;
	#skipped: string[] = [];

	onInit(): void {
		// Other reporters print after the last hook; the closing line has to stand below them, also when the run breaks off.
		process.once('exit', () => {
			if (this.#failed > 0) process.exitCode ||= 1;
			for (const skipped of this.#skipped) console.log(`skipped: ${skipped}`);
			console.log(`${this.#passed} passed, ${this.#failed} failed, ${this.#skipped.length} skipped`);
		});
	}

	onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
		this.#failed = errors.length;
		for (const module of modules) {
			this.#countErrors(module);
			for (const suite of module.children.allSuites()) this.#countErrors(suite);
			for (const test of module.children.allTests()) {
				const result = test.result();
				if (result.state === 'passed') this.#passed++;
				else if (result.state === 'skipped')
					this.#skipped.push(`${module.relativeModuleId} > ${test.fullName}: ${result.note ?? 'not chosen, or no reason given'}`);
				else this.#failed++;
			}
		}
		if (this.#passed + this.#failed + this.#skipped.length === 0) this.#failed = 1;
	}

	#countErrors(suite: TestModule | TestSuite): void {
		if (suite.errors().length > 0) this.#failed++;
	}
}
