import type { RepositoryFiles } from "../../src/owners/index.ts";

/** A repository that holds these files. */
export function filesOf(files: Readonly<Record<string, string | Uint8Array>>): RepositoryFiles {
  return {
    async read(path, limit) {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      if (content === undefined) return "missing";
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      return bytes.length > limit ? "too-large" : bytes;
    },
  };
}
