import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** What stands where there is nothing to show: why, and the one next step. */
export function Message({ title, children, actions }: { title: string; children?: ComponentChildren; actions?: ComponentChildren }) {
	return (
		<div class="msg">
			<b>{title}</b>
			{children && <p>{children}</p>}
			{actions && <div class="row">{actions}</div>}
		</div>
	);
}

/** Furniture of a chart that is on its way. Nothing at all for the first 150 ms: most answers come sooner. */
export function Loading() {
	const isLate = useIsLate();
	if (!isLate) return null;
	return (
		<div class="skel" role="status" aria-label="Loading">
			<i />
			<i />
			<i />
			<i />
			<u />
		</div>
	);
}

/** A page or table that is on its way. */
export function LoadingLine({ children }: { children: ComponentChildren }) {
	const isLate = useIsLate();
	return <p class="loading-line">{isLate ? children : null}</p>;
}

function useIsLate(): boolean {
	const [isLate, setLate] = useState(false);
	useEffect(() => {
		const timer = setTimeout(() => setLate(true), 150);
		return () => clearTimeout(timer);
	}, []);
	return isLate;
}
