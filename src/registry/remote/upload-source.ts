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
export type UploadSource = ReturnType<typeof uploadSource>;

export function uploadSource({ remote, blob, content }: Pick<Sending, "remote" | "blob" | "content">) {
  const given = new AbortController();
  let stream: Readable | undefined;
  let unopened: unknown;
  let vouched = false;
  const close = (): void => void stream?.destroy();
  return {
    /** Ends a request whose source has failed. */
    signal: given.signal,
    /** Whether what was opened can be opened in its middle, and has not to be hashed here. */
    isVouched: (): boolean => vouched,
    async open(from: number): Promise<Readable | Uint8Array> {
      close();
      const opened = await content(from).catch((error: unknown) => {
        unopened = error;
        throw error;
      });
      vouched = isVouchedFor(opened, blob);
      if (opened instanceof Uint8Array) {
        const isRight = vouched || (opened.length === blob.size && digestMatches(opened, blob.digest));
        if (isRight) return opened;
        throw failed(remote, blob.digest, "digest-mismatch", "the blob's bytes do not hash to its digest");
      }
      const { idle } = remote.client.timing;
      stream = vouched ? opened : verifiedStream(opened, blob, { where: remote.name, idle });
      // Between two chunks nobody reads the stream, so nobody else would learn that it was given up.
      stream.once("error", (error) => given.abort(error));
      return stream;
    },
    close,
    /**
     * The cause of a failed transfer. When the source failed, that is the cause, whatever the connection says of it: one
     * that could not be opened has had its attempts already, one that broke off can be opened again, and so can one that
     * somebody vouched for and whose bytes were damaged on the way.
     */
    explain(error: unknown): unknown {
      if (unopened !== undefined) return unopened;
      const broken = stream?.errored;
      if (!(broken instanceof RegistryError)) return error;
      const mayPass = passing.has(broken.code) || (vouched && broken.code === "digest-mismatch");
      return mayPass ? new TransientFailure(broken) : broken;
    },
  };
}
