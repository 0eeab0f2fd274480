import { type Masker, maskSecrets } from "./masking.ts";

/** Hides the secrets of a run, wherever something of it is shown or recorded. */
export interface HiddenSecrets {
  /** For one stream of output, which may break a secret anywhere. */
  stream(): Masker;
  /** For a text that is whole. */
  text(text: string): string;
}

const untouched: Masker = { mask: (chunk) => chunk, flush: () => new Uint8Array() };

/** Hides these values; without any, nothing is looked at. */
export function hideSecrets(values: readonly string[]): HiddenSecrets {
  if (values.length === 0) return { stream: () => untouched, text: (text) => text };
  return {
    stream: () => maskSecrets(values),
    text(text) {
      const masker = maskSecrets(values);
      return Buffer.concat([masker.mask(Buffer.from(text)), masker.flush()]).toString("utf8");
    },
  };
}
