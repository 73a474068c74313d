/** For type tests: they are compiled and never run. */

export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for `true`. */
export declare function expectTrue<_T extends true>(): void
