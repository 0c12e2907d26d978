const FIRST = [
	'calm',
	'bright',
	'deep',
	'early',
	'far',
	'gentle',
	'high',
	'late',
	'low',
	'quiet',
	'slack',
	'spring',
	'steady',
	'swift',
	'wide',
	'young',
];
const SECOND = [
	'bay',
	'beach',
	'coast',
	'current',
	'dune',
	'ebb',
	'fjord',
	'gull',
	'harbour',
	'island',
	'lagoon',
	'moon',
	'reef',
	'shoal',
	'surf',
	'tide',
];

/** A name that people can say, for a run that was given none: `quiet-reef-417`. Not unique; the id is. */
export function randomName(random: () => number): string {
	const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] as string;
	return `${pick(FIRST)}-${pick(SECOND)}-${Math.floor(random() * 1000)}`;
}
