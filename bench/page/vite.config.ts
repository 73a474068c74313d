import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: 'es2022',
    outDir: '../dist/page',
    emptyOutDir: true,
    rolldownOptions: { input: `${import.meta.dirname}/documents.html` },
  },
  logLevel: 'error',
})
