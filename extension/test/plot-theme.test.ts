import { PlotTheme } from '../figures/plot-theme';

test('a plot theme tells of every change, and of nothing else', () => {
  const theme = new PlotTheme();
  const names: string[] = [];
  theme.changed.connect((_, name) => names.push(name));
  expect(theme.current).toBe('jupyterlab');
  theme.current = 'dark';
  theme.current = 'dark';
  theme.current = 'light';
  expect(names).toEqual(['dark', 'light']);
  expect(theme.current).toBe('light');
});
