/** The version is never raised: a new layout gets a database of another name, so that two releases can be open in two tabs. */
export const DATABASE = 'tidelog-1';
