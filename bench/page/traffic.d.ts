/** Notes every connection that the page makes from now on. */
export declare function watchConnections(): void
/** What all of them have sent so far, as the browser counts it: with DTLS and SCTP, without UDP and IP. */
export declare function sentBytes(): Promise<number>
