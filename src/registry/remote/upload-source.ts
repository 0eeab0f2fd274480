import type { Readable } from "node:stream";
import { TransientFailure } from "../../http/index.ts";
import { type Descriptor, digestMatches } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import type { BlobContent } from "../repository.ts";
import { isVouchedFor } from "../vouched.ts";
import type { Remote } from "./remote.ts";
import { verifiedStream } from "./verified-stream.ts";

/** Failures of a source that another attempt may not meet. */
const passing: ReadonlySet<RegistryErrorCode> = new Set(["unreachable", "timeout", "truncated"]);

/** The content of one attempt: opened when the registry is ready for it, verified, and watched over. */
export class UploadSource {
  readonly #remote: Remote;
  readonly #blob: Descriptor;
  readonly #content: BlobContent;
  readonly #given = new AbortController();
  #stream: Readable | undefined;
  #unopened: unknown;
  #vouched = false;

  constructor(remote: Remote, blob: Descriptor, content: BlobContent) {
    this.#remote = remote;
    this.#blob = blob;
    this.#content = content;
  }

  /** Ends a request whose source has failed. */
  get signal(): AbortSignal {
    return this.#given.signal;
  }

  /** Whether what was opened can be opened in its middle, and has not to be hashed here. */
  get vouched(): boolean {
    return this.#vouched;
  }

  /** The bytes from an offset on. */
  async open(from: number): Promise<Readable | Uint8Array> {
    this.close();
    const opened = await this.#content(from).catch((error: unknown) => {
      this.#unopened = error;
      throw error;
    });
    const { timing } = this.#remote.client;
    this.#vouched = isVouchedFor(opened, this.#blob);
    if (opened instanceof Uint8Array) {
      if (!this.#vouched) this.#check(opened);
      return opened;
    }
    const stream = this.#vouched
      ? opened
      : verifiedStream(opened, this.#blob, { where: this.#remote.name, idle: timing.idle });
    // Between two chunks nobody reads the stream, so nobody else would learn that it was given up.
    stream.once("error", (error) => this.#given.abort(error));
    this.#stream = stream;
    return stream;
  }

  close(): void {
    this.#stream?.destroy();
  }

  #check(bytes: Uint8Array): void {
    const { size, digest } = this.#blob;
    if (bytes.length === size && digestMatches(bytes, digest)) return;
    const where = `${this.#remote.name}@${digest}`;
    throw new RegistryError("digest-mismatch", "the blob's bytes do not hash to its digest", { where });
  }

  /**
   * The cause of a failed transfer. When the source failed, that is the cause, whatever the connection says of it: one
   * that could not be opened has had its attempts already, one that broke off can be opened again, and so can one that
   * somebody vouched for and whose bytes were damaged on the way.
   */
  explain(error: unknown): unknown {
    if (this.#unopened !== undefined) return this.#unopened;
    const broken = this.#stream?.errored;
    if (!(broken instanceof RegistryError)) return error;
    const mayPass = passing.has(broken.code) || (this.#vouched && broken.code === "digest-mismatch");
    return mayPass ? new TransientFailure(broken) : broken;
  }
}
