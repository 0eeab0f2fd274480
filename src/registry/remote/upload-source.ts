import type { Readable } from "node:stream";
import { TransientFailure } from "../../http/index.ts";
import { digestMatches } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { isVouchedFor } from "../vouched.ts";
import { failed } from "./remote.ts";
import type { Sending } from "./upload-attempts.ts";
import { verifiedStream } from "./verified-stream.ts";

/** Failures of a source that another attempt may not meet. */
const passing: ReadonlySet<RegistryErrorCode> = new Set(["unreachable", "timeout", "truncated"]);

/** The content of one attempt: opened when the registry is ready for it, verified, and watched over. */
export class UploadSource {
  readonly #sending: Pick<Sending, "remote" | "blob" | "content">;
  readonly #given = new AbortController();
  #stream: Readable | undefined;
  #unopened: unknown;
  #vouched = false;

  constructor(sending: Pick<Sending, "remote" | "blob" | "content">) {
    this.#sending = sending;
  }

  /** Ends a request whose source has failed. */
  get signal(): AbortSignal {
    return this.#given.signal;
  }

  /** Whether what was opened can be opened in its middle, and has not to be hashed here. */
  get vouched(): boolean {
    return this.#vouched;
  }

  async open(from: number): Promise<Readable | Uint8Array> {
    this.close();
    const { remote, blob, content } = this.#sending;
    const opened = await content(from).catch((error: unknown) => {
      this.#unopened = error;
      throw error;
    });
    this.#vouched = isVouchedFor(opened, blob);
    if (opened instanceof Uint8Array) {
      const isRight = this.#vouched || (opened.length === blob.size && digestMatches(opened, blob.digest));
      if (isRight) return opened;
      throw failed(remote, blob.digest, "digest-mismatch", "the blob's bytes do not hash to its digest");
    }
    const { idle } = remote.client.timing;
    const stream = this.#vouched ? opened : verifiedStream(opened, blob, { where: remote.name, idle });
    // Between two chunks nobody reads the stream, so nobody else would learn that it was given up.
    stream.once("error", (error) => this.#given.abort(error));
    this.#stream = stream;
    return stream;
  }

  close(): void {
    this.#stream?.destroy();
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
