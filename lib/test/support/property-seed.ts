import fc from 'fast-check'

// Property tests run with one seed, so that a suite which passed passes again. FAST_CHECK_SEED tries others:
// a number, or `random`; what fails is kept as a test of its own.
const { FAST_CHECK_SEED = '1' } = process.env
if (FAST_CHECK_SEED !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(FAST_CHECK_SEED) })
