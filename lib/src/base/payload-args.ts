/**
 * The arguments after a command's or a message's name. `Payload` is what its function takes:
 *
 * - `never` (it takes none): nothing, or `undefined` to get at the options;
 * - a type with `undefined` in it, `unknown` included: the payload may be left out;
 * - anything else: the payload is required.
 *
 * `Options`, if any, come last and are always optional.
 */
export type PayloadArgs<Payload, Options = never> = [Options] extends [never]
  ? PayloadArg<Payload>
  : [...PayloadArg<Payload>, options?: Options | undefined]

type PayloadArg<Payload> = [Payload] extends [never]
  ? [payload?: undefined]
  : undefined extends Payload
    ? [payload?: Payload]
    : [payload: Payload]

/** The payload type of a function whose parameters from the payload on are `Parameters`; `never` if it takes none. */
export type PayloadOf<Parameters extends readonly unknown[]> = Parameters extends readonly [] ? never : Parameters[0]
