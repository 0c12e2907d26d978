const { port1, port2 } = new MessageChannel();
const waiting: (() => void)[] = [];
port1.onmessage = () => waiting.shift()?.();

/**
 * Lets messages and timers of this worker have their turn. Not `tf.nextFrame()`: that is requestAnimationFrame, which dedicated workers have
 * too, and which stands still while the tab is hidden.
 */
export function yieldToMessages(): Promise<void> {
	return new Promise((resolve) => {
		waiting.push(resolve);
		port2.postMessage(undefined);
	});
}
