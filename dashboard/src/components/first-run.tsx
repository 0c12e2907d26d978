import { useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

/** An empty place says how it is filled: the three lines that log a first run to this server. */
export function FirstRun({ project }: { project: string }) {
	const [isCopied, setCopied] = useState(false);
	const server = location.origin;
	const code = `import { init } from 'tidelog';\nconst run = init({ project: '${project}', server: '${server}' });\nrun.log({ loss: 0.42 });`;
	const copy = (): void => {
		navigator.clipboard.writeText(code).then(
			() => setCopied(true),
			// No right to the clipboard: the text is on screen and can be selected.
			() => setCopied(false),
		);
	};
	return (
		<section class="first-run">
			<h2>No runs yet</h2>
			<p>Runs appear here as soon as one is logged, from any page or worker. Any W&B client works too, with {server} as its base address.</p>
			<pre>
				<span class="dim">import</span> {'{ init }'} <span class="dim">from</span> <span class="acc">'tidelog'</span>;{'\n'}
				<span class="dim">const</span> run = init({'{'} project: <span class="acc">'{project}'</span>, server: <span class="acc">'{server}'</span>{' '}
				{'}'});{'\n'}
				run.log({'{'} loss: 0.42 {'}'});
			</pre>
			<button type="button" class="btn" onClick={copy}>
				<Icon name="copy" />
				{isCopied ? 'Copied' : 'Copy'}
			</button>
		</section>
	);
}
