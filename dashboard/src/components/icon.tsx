import arrowUpDown from 'lucide-static/icons/arrow-up-down.svg?raw';
import chartLine from 'lucide-static/icons/chart-line.svg?raw';
import chevronDown from 'lucide-static/icons/chevron-down.svg?raw';
import chevronLeft from 'lucide-static/icons/chevron-left.svg?raw';
import copy from 'lucide-static/icons/copy.svg?raw';
import download from 'lucide-static/icons/download.svg?raw';
import eye from 'lucide-static/icons/eye.svg?raw';
import eyeOff from 'lucide-static/icons/eye-off.svg?raw';
import keyboard from 'lucide-static/icons/keyboard.svg?raw';
import listTree from 'lucide-static/icons/list-tree.svg?raw';
import maximize from 'lucide-static/icons/maximize-2.svg?raw';
import minimize from 'lucide-static/icons/minimize-2.svg?raw';
import monitor from 'lucide-static/icons/monitor.svg?raw';
import moon from 'lucide-static/icons/moon.svg?raw';
import refresh from 'lucide-static/icons/refresh-cw.svg?raw';
import search from 'lucide-static/icons/search.svg?raw';
import skipBack from 'lucide-static/icons/skip-back.svg?raw';
import skipForward from 'lucide-static/icons/skip-forward.svg?raw';
import sun from 'lucide-static/icons/sun.svg?raw';
import undo from 'lucide-static/icons/undo-2.svg?raw';
import close from 'lucide-static/icons/x.svg?raw';

const sources = {
	arrowUpDown,
	chartLine,
	chevronDown,
	chevronLeft,
	close,
	copy,
	download,
	eye,
	eyeOff,
	keyboard,
	listTree,
	maximize,
	minimize,
	monitor,
	moon,
	refresh,
	search,
	skipBack,
	skipForward,
	sun,
	undo,
} as const;

export type IconName = keyof typeof sources;

/** One drawing of Lucide's, 14 px, in the colour of the text. It never stands for a word by itself: what holds it has the name. */
export function Icon({ name }: { name: IconName }) {
	// The text is a file of the package, fixed when the dashboard was built.
	return <span class="i" aria-hidden="true" dangerouslySetInnerHTML={{ __html: sources[name] }} />;
}

/** The mark: four log lines whose ends trace a tide. */
export function Mark() {
	return (
		<svg class="mark" viewBox="0 0 18 18" aria-hidden="true">
			<rect x="1" y="2" width="9" height="2.2" rx=".6" />
			<rect x="1" y="6" width="15" height="2.2" rx=".6" />
			<rect x="1" y="10" width="12" height="2.2" rx=".6" />
			<rect x="1" y="14" width="6" height="2.2" rx=".6" />
		</svg>
	);
}
