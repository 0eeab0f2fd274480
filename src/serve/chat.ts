import type { ChatWorld } from "../chatops/index.ts";
import type { ForgeProject } from "../forge/index.ts";
import { type SourceForge, WorkError } from "../work/index.ts";
import type { ServerCore } from "./serve.ts";

/** What commands under pull requests stand on, and where repositories are. */
export interface Chat {
  readonly chat: ChatWorld;
  /** @throws {WorkError} `no-forge`. */
  readonly placeOf: (url: string) => Promise<SourceForge>;
  readonly projectOf: (url: string) => Promise<ForgeProject>;
}

/** Opens the way to pull requests and their forges, for whoever obeys commands. Asks nobody yet. */
export function openChat(core: ServerCore, signal: AbortSignal): Chat {
  const { options, db, queue, sourceOf, mirrors, members } = core;
  const { environment, settings } = options;
  const { maxMirrorBytes } = settings.serve;
  const placeOf = async (url: string): Promise<SourceForge> => {
    const place = await sourceOf(url).forge();
    if (place !== undefined) return place;
    throw new WorkError("no-forge", "it is on no forge that Waybill has a token for", {
      where: url,
      hint: "say under forges in waybill.yaml what the host is, and give its token in the environment",
    });
  };
  const chat: ChatWorld = {
    ...{ db, queue, mirrors, maxMirrorBytes, environment, signal },
    credentialOf: (url) => sourceOf(url).credential(),
    now: () => new Date(),
    forgeOf: async (url) => members.of((await placeOf(url)).forge),
  };
  return { chat, placeOf, projectOf: async (url) => (await placeOf(url)).project };
}
