import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

const server = process.env.CHATTER_SERVER ?? 'http://localhost:8080'
const proxied = ['/api', '/auth', '/rooms', '/ws-tickets', '/health']

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: {
    alias: [
      // It puts a <style> element into the page, which the content security policy forbids.
      { find: /^react-remove-scroll$/, replacement: source('ui/remove-scroll.tsx') },
      { find: /^@\//, replacement: `${source('')}` },
    ],
  },
  build: {
    // No data: URLs for scripts or styles and no inline script: the policy is `script-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    manifest: true,
  },
  server: {
    port: 5173,
    proxy: {
      ...Object.fromEntries(proxied.map((path) => [path, { target: server }])),
      '/ws': { target: server, ws: true },
    },
  },
  test: {
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'logic',
          environment: 'node',
          include: ['tests/{call,api,lib,features}/**/*.test.ts'],
          setupFiles: ['tests/fakes.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'screens',
          environment: 'jsdom',
          include: ['tests/screens/**/*.test.tsx'],
          setupFiles: ['tests/setup.ts'],
          // axe walks whole screens, also on machines that do other things meanwhile.
          testTimeout: 30_000,
        },
      },
    ],
  },
})
