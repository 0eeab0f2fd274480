import type { Readable } from "node:stream";
import type { Descriptor } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { TransientFailure } from "../host/failure.ts";
import type { Remote } from "./remote.ts";
import { verifiedStream } from "./verified-stream.ts";

/** Opens the bytes of a blob; called once for each attempt. */
export type Content = () => Promise<Readable>;

/** The content of one attempt: opened when the registry is ready for it, verified, and watched over. */
export class UploadSource {
  readonly #remote: Remote;
  readonly #blob: Descriptor;
  readonly #content: Content;
  readonly #given = new AbortController();
  #stream: Readable | undefined;
  #unopened: unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(remote: Remote, blob: Descriptor, content: Content) {
    this.#remote = remote;
    this.#blob = blob;
    this.#content = content;
  }

  /** Ends a request that stands still, or whose bytes are all sent but which is not answered. */
  get signal(): AbortSignal {
    return this.#given.signal;
  }

  async open(): Promise<Readable> {
    this.close();
    const opened = await this.#content().catch((error: unknown) => {
      this.#unopened = error;
      throw error;
    });
    const { timing } = this.#remote.client;
    const stream = verifiedStream(opened, this.#blob, { where: this.#remote.name, idle: timing.idle });
    stream.once("end", () => this.#awaitAnswer(timing.commit));
    // Between two chunks nobody reads the stream, so nobody else would learn that it was given up.
    stream.once("error", (error) => this.#given.abort(error));
    this.#stream = stream;
    return stream;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stream?.destroy();
  }

  #awaitAnswer(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      const { host } = this.#remote.client.endpoint;
      const message = `${host} took all bytes of the blob, but did not answer in time`;
      const where = `${this.#remote.name}@${this.#blob.digest}`;
      this.#given.abort(new TransientFailure(new RegistryError("timeout", message, { where })));
    }, milliseconds);
  }

  /**
   * The cause of a failed transfer. When the source failed, that is the cause, whatever the connection says of it: one
   * that could not be opened has had its attempts already, one that broke off can be opened again.
   */
  explain(error: unknown): unknown {
    if (this.#unopened !== undefined) return this.#unopened;
    const broken = this.#stream?.errored;
    if (!(broken instanceof RegistryError)) return error;
    return ["unreachable", "timeout", "truncated"].includes(broken.code)
      ? new TransientFailure(broken)
      : broken;
  }
}
