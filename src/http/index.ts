export { type AddressKind, isLoopbackHost, kindOfAddress, literalAddress } from "./address.ts";
export { type AddressRule, speaksTls } from "./connector.ts";
export { ConnectionError, type ConnectionErrorCode } from "./errors.ts";
export { type Fetch, type FetchOptions, type FetchRequest, openFetch } from "./fetch.ts";
export type { Environment } from "./proxy.ts";
export { type TlsFiles, type TlsOptions, tlsOptions } from "./tls.ts";
export { createWay, hostnameOf, proxyOf, type Way } from "./way.ts";
