import { defineConfig } from 'vite'

const page = (path: string) => `${import.meta.dirname}/${path}.html`

export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: 'es2022',
    outDir: 'dist/site',
    rolldownOptions: { input: ['editors/codemirror', 'editors/prosemirror', 'react/index'].map(page) },
  },
  logLevel: 'warn',
})
