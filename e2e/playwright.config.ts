import { defineConfig } from '@playwright/test'

const jsonFile = process.env['PLAYWRIGHT_JSON_OUTPUT_FILE']

// One worker and no retries: tests measure times on few cores, and a flaky test is a bug.
export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  globalSetup: './harness/global-setup.ts',
  workers: 1,
  retries: 0,
  forbidOnly: process.env['CI'] !== undefined,
  timeout: 60_000,
  expect: { timeout: 20_000 },
  reporter: jsonFile === undefined ? 'list' : [['list'], ['json', { outputFile: jsonFile }]],
})
