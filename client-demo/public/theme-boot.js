// Before the first paint, so that a remembered theme does not flash. Not a module, as those wait for the document.
try {
  const theme = localStorage.getItem('headwater-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's preference then stands.
}
