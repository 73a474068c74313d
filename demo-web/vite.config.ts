import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  base: './',
  resolve: { dedupe: ['yjs'] },
  build: { outDir: 'dist/site', chunkSizeWarningLimit: 800 },
})
