import type { App } from "../server/index.ts";

/** What pages stand on: nothing but the API, which they ask with the rights of whoever looks at them. */
export interface PagesParts {
  readonly version: string;
  readonly api: App;
  /** The address that people know the server by: a scheme and a host. */
  readonly publicUrl: URL;
  /** What goes wrong in making a page; what is told of it holds no secret. */
  readonly onProblem: (error: unknown, request: string) => void;
}

/** Pages for people, at addresses that the API does not have. */
export interface Pages {
  /** The page, or what the API answers at an address that is its own. */
  fetch: App["fetch"];
}
