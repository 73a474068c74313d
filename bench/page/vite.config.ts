import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: 'es2022',
    outDir: '../dist/page',
    emptyOutDir: true,
    minify: false, // profiles have names to show
    rolldownOptions: { input: ['documents', 'channel', 'join'].map((page) => `${import.meta.dirname}/${page}.html`) },
  },
  logLevel: 'error',
})
