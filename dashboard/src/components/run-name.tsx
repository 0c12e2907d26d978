import { cutMiddle } from '../format.ts';

/** A run's name that loses its middle, not its end, when there is no room: `resnet50-augm…-lr3e-4`. */
export function RunName({ name }: { name: string }) {
	const [head, tail] = cutMiddle(name);
	return (
		<span class="mid-cut" title={name}>
			<span class="mid-cut-start">{head}</span>
			<span class="mid-cut-end">{tail}</span>
		</span>
	);
}

/** A metric's name in two greys: `train/` and `loss`. */
export function MetricName({ name }: { name: string }) {
	const slash = name.indexOf('/');
	if (slash < 0) return <>{name}</>;
	return (
		<>
			<span class="dim">{name.slice(0, slash + 1)}</span>
			{name.slice(slash + 1)}
		</>
	);
}
