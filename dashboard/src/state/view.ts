/**
 * What a person has set on a workspace or on a run's charts, as it stands in the address, so that a link shows the same view.
 * Only what differs from the defaults is written.
 */
export interface View {
	x: XAxis;
	/** Fraction 0 … 0.99; 0 is off. */
	smoothing: number;
	/** Metrics whose log scale is the opposite of `logAll`. */
	log: string[];
	logAll: boolean;
	/** Search over names of runs: text, or /regex/. */
	runSearch: string;
	panelSearch: string;
	/** Runs hidden or shown against what the page would do by itself. */
	hidden: string[];
	shown: string[];
	/** Metric beside each run; empty = the page chooses. */
	metric: string;
	order: RunOrder;
	/** Zoomed range of x. */
	zoom: [number, number] | undefined;
}

export const X_AXES = ['step', 'runtime', 'time'] as const;
export type XAxis = (typeof X_AXES)[number];
export const RUN_ORDERS = ['new', 'high', 'low'] as const;
export type RunOrder = (typeof RUN_ORDERS)[number];

export const DEFAULT_VIEW: View = {
	x: 'step',
	smoothing: 0,
	log: [],
	logAll: false,
	runSearch: '',
	panelSearch: '',
	hidden: [],
	shown: [],
	metric: '',
	order: 'new',
	zoom: undefined,
};

const list = (text: string | null): string[] => (text ? text.split(',').filter((part) => part !== '') : []);
/** Keys and ids may hold commas, which separate the items of a list. */
const readList = (text: string | null): string[] => list(text).map((part) => part.replaceAll('%2C', ',').replaceAll('%25', '%'));
const writeList = (items: readonly string[]): string => items.map((item) => item.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',');

/** Reads the view from the part of an address after `?`. What cannot be read is the default: an old link must still open. */
export function parseView(text: string): View {
	const params = new URLSearchParams(text);
	const smoothing = Number(params.get('s') ?? 0);
	const zoom = list(params.get('zoom')).map(Number);
	const [from, to] = zoom;
	return {
		x: X_AXES.find((axis) => axis === params.get('x')) ?? DEFAULT_VIEW.x,
		smoothing: smoothing > 0 && smoothing < 1 ? Math.min(0.99, smoothing) : 0,
		log: readList(params.get('log')),
		logAll: params.get('logall') === '1',
		runSearch: params.get('q') ?? '',
		panelSearch: params.get('p') ?? '',
		hidden: readList(params.get('hide')),
		shown: readList(params.get('show')),
		metric: params.get('m') ?? '',
		order: RUN_ORDERS.find((order) => order === params.get('o')) ?? DEFAULT_VIEW.order,
		zoom: from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : undefined,
	};
}

/** The inverse of {@link parseView}; empty for the default view. */
export function writeView(view: View): string {
	const params = new URLSearchParams();
	if (view.x !== DEFAULT_VIEW.x) params.set('x', view.x);
	if (view.smoothing > 0) params.set('s', String(Number(view.smoothing.toFixed(3))));
	if (view.log.length > 0) params.set('log', writeList(view.log));
	if (view.logAll) params.set('logall', '1');
	if (view.runSearch) params.set('q', view.runSearch);
	if (view.panelSearch) params.set('p', view.panelSearch);
	if (view.hidden.length > 0) params.set('hide', writeList(view.hidden));
	if (view.shown.length > 0) params.set('show', writeList(view.shown));
	if (view.metric) params.set('m', view.metric);
	if (view.order !== DEFAULT_VIEW.order) params.set('o', view.order);
	if (view.zoom) params.set('zoom', view.zoom.join(','));
	return params.toString();
}

/** Whether the metric is drawn on a log scale in this view. */
export function isLog(view: View, key: string): boolean {
	return view.log.includes(key) !== view.logAll;
}

/**
 * Makes a test of names from what stands in a search field: `/regex/` (case as written) or plain text (any case, all words).
 * A regular expression that does not parse yet, since it is being typed, is taken as text.
 */
export function nameFilter(text: string): (name: string) => boolean {
	const regex = /^\/(.+)\/(i?)$/.exec(text.trim());
	if (regex?.[1] !== undefined) {
		try {
			const pattern = new RegExp(regex[1], regex[2]);
			return (name) => pattern.test(name);
		} catch {
			// Taken as text below.
		}
	}
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	return (name) => {
		const lower = name.toLowerCase();
		return words.every((word) => lower.includes(word));
	};
}
