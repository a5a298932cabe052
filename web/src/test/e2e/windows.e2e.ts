import { expect, test } from 'vitest';
import { as, prepare } from './people';

test('ten windows of one browser share one stream, and all of them see a change', async () => {
  await prepare('POST', '/api/admin/projects/default/features', { name: 'e2e-windows' });
  const first = await as('editor');
  const pages = [first];
  for (let more = 0; more < 9; more++) pages.push(await first.context().newPage());
  let streams = 0;
  first.context().on('request', (request) => {
    if (request.url().endsWith('/api/admin/live')) streams++;
  });
  for (const page of pages) {
    await page.goto('/projects/default/features/e2e-windows');
    await page.getByRole('switch', { name: 'e2e-windows in development' }).waitFor();
  }
  expect(streams).toBe(1);
  await pages[9]?.getByRole('switch', { name: 'e2e-windows in development' }).click();
  for (const page of pages)
    await expect.poll(() => page.getByRole('switch', { name: 'e2e-windows in development' }).isChecked()).toBe(true);

  // The window that listens for all of them closes.
  await first.close();
  await expect.poll(() => streams).toBe(2);
  await pages[1]?.getByRole('switch', { name: 'e2e-windows in development' }).click();
  for (const page of pages.slice(1))
    await expect.poll(() => page.getByRole('switch', { name: 'e2e-windows in development' }).isChecked()).toBe(false);
});
