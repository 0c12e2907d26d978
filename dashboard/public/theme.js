// Runs before the first paint, so that a page in the chosen theme never flashes in the other one. A file of its own because the
// server's content security policy allows no inline script.
try {
	const theme = localStorage.getItem('tidelog-theme');
	if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
	// Storage may be forbidden (private windows, policy): the system's theme is shown then.
}
