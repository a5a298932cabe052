/// <reference types="vitest/config" />
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `make web-dev` serves the pages with a proxy to a running Flagstone; tests can do so with what is built.
const server = process.env.FLAGSTONE_URL ?? 'http://localhost:4242';
const served = ['/api', '/auth', '/invite', '/logout', '/docs', '/health', '/ready', '/internal-backstage'];

const proxy = Object.fromEntries(
  served.map((path) => [
    path,
    {
      target: server,
      // A link of an invitation is a page, its validation is not.
      bypass: (request: { headers: { accept?: string } }) =>
        request.headers.accept?.includes('text/html') ? '/index.html' : undefined,
    },
  ]),
);

export default defineConfig({
  // Relative addresses: the page's <base> says where Flagstone is mounted (BASE_URI_PATH).
  base: './',
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    sourcemap: false,
    manifest: true,
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, proxy },
  preview: { proxy },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['src/test/e2e/**/*.e2e.ts'],
          globalSetup: ['src/test/e2e/server.ts'],
          testTimeout: 120_000,
          expect: { poll: { timeout: 20_000 } },
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
