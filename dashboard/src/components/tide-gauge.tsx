import { formatCount, plural } from '../format.ts';

export interface TideProps {
	/** History records that the server holds. */
	onServer: number;
	/** Records that wait on the devices that logged them. */
	pending: number;
}

/** How many records have arrived and how many wait, from what a run tells. */
export function tideOf(runs: readonly { records: number; stored: number }[]): TideProps {
	let onServer = 0;
	let pending = 0;
	for (const run of runs) {
		onServer += run.records;
		pending += Math.max(0, run.stored - run.records);
	}
	return { onServer, pending };
}

/** The bar alone: solid = on the server, hatched = safe on a device. Lengths are to scale. */
export function TideBar({ onServer, pending }: TideProps) {
	const label = `${plural(onServer + pending, 'row')} accepted: ${formatCount(onServer)} on the server, ${formatCount(pending)} on the device`;
	return (
		<span class="gauge" role="img" aria-label={label}>
			{onServer > 0 && <i class="ack" style={{ flexGrow: onServer }} />}
			{pending > 0 && <i class="dur" style={{ flexGrow: pending }} />}
		</span>
	);
}

/** The bar with its sum written out: accepted = on the server + pending. */
export function TideGauge(props: TideProps) {
	return (
		<div class="tide">
			<TideBar {...props} />
			<div class="sum">
				<span>
					<b>{formatCount(props.onServer + props.pending)}</b> accepted
				</span>
				<span class="op">=</span>
				<span>
					<i class="k ack" />
					<b>{formatCount(props.onServer)}</b> on server
				</span>
				<span class="op">+</span>
				<span>
					<i class="k dur" />
					<b>{formatCount(props.pending)}</b> pending
				</span>
			</div>
		</div>
	);
}
