import { defineConfig } from 'vite'

// The page under test: as a user would build it, without plugins and polyfills.
export default defineConfig({
  root: import.meta.dirname,
  build: { target: 'es2022', sourcemap: true },
  worker: { format: 'es' },
  logLevel: 'warn',
})
