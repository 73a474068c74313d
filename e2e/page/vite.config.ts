import { defineConfig } from 'vite'

const page = (name: string) => `${import.meta.dirname}/${name}.html`

// The pages under test: as a user would build them, without plugins and polyfills.
export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: 'es2022',
    sourcemap: true,
    rolldownOptions: { input: ['index', 'storage', 'chaos', 'react', 'links', 'trace'].map(page) },
  },
  worker: { format: 'es' },
  logLevel: 'warn',
})
