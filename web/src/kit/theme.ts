export type Theme = 'system' | 'light' | 'dark';

const key = 'flagstone-theme';

export function chosenTheme(): Theme {
  const stored = localStorage.getItem(key);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

export function chooseTheme(theme: Theme) {
  localStorage.setItem(key, theme);
  document.documentElement.dataset.theme = theme;
}
