import { harmless, shellLine, WaybillError } from "../errors/index.ts";
import type { ImageLife } from "../history/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { readForWork, withTree } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { withRegistries } from "./registries.ts";
import { withConnection, withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { printLife } from "./trace-text.ts";
import { type Blank, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withServer(
    withTree(
      command.argument(
        "<reference>",
        "an image of staging or of any mirror, a tag, or the first digits of a digest; with --server also a commit or #7",
      ),
    ),
  );

export const trace = verb({
  name: "trace",
  summary: "say where an image is, and how it came there",
  description:
    "say where an image is, and how it came there: its commit, build, pull request, promotion, and each mirror",
  examples: [
    [
      "waybill trace us.gcr.io/k8s-artifacts-prod/pause:3.9 registry.k8s.io",
      "by a checkout of the manifests",
    ],
    ["waybill trace sha256:7031c1b28338 registry.k8s.io", "by the first digits of a digest"],
    [
      "waybill trace snoopdb:v1.0.0 --server https://waybill.example.org",
      "with all that a server knows of it",
    ],
    ["waybill trace '#7' --server https://waybill.example.org", "what a pull request asks for"],
  ],
  exits: {
    [exitCodes.asDesired]: "it is at every mirror that is to have it",
    [exitCodes.nothingDone]: "nothing is known of it, or a mirror could not be read",
    [exitCodes.notAsDesired]: "it is missing at a mirror, or nowhere in production",
  },
  page: "trace.md",
  define,
  run,
});

async function run(
  session: Session,
  reference: string,
  tree: string,
  { server: url }: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const life =
    url === undefined ? await lifeInTree(session, reference, tree) : await lifeAt(session, reference, url);
  await deliver(session, {
    text: (terminal) => printLife(terminal, life),
    json: () => asJson(life),
  });
  return statusOf(life);
}

/** What is missing is known, whatever else could not be read. */
async function statusOf({ mirrors }: ImageLife): Promise<ExitCode> {
  const { isThere } = await import("../history/index.ts");
  const absent = mirrors.filter((mirror) => !isThere(mirror));
  if (mirrors.length === 0 || absent.some(({ state }) => state !== "unread")) return exitCodes.notAsDesired;
  return absent.length === 0 ? exitCodes.asDesired : exitCodes.nothingDone;
}

async function lifeInTree(session: Session, reference: string, path: string): Promise<ImageLife> {
  const { findInRegistry, findInTree, traceInTree } = await import("../history/index.ts");
  const { manifests } = await readForWork(path, session);
  return withRegistries(session, { say: session.terminal.detail }, async ({ repository: open }) => {
    let found = findInTree(reference, manifests);
    if (found.length === 0) {
      const named = await findInRegistry(reference, open);
      // A tag that no line names may stand for a digest that one does.
      found = named === undefined ? [] : findInTree(named.digest, manifests);
      if (found.length === 0 && named !== undefined) found = [named];
    }
    const image = onlyOne(session, reference, found);
    return traceInTree(image, { manifests, open, environment: session.env, now: new Date() });
  });
}

async function lifeAt(session: Session, reference: string, url: string): Promise<ImageLife> {
  const { findImages, readLife } = await import("../client/index.ts");
  return withConnection(session, url, async (server) =>
    readLife(server, onlyOne(session, reference, await findImages(server, reference))),
  );
}

/** Names that are shown where several images are meant. */
const maxNamed = 8;

/** The one image that is meant. @throws {WaybillError} `unknown-image`, `ambiguous-image`. */
function onlyOne<Found extends { readonly image: string; readonly digest: string }>(
  { line }: Pick<Session, "line">,
  reference: string,
  found: readonly Found[],
): Found {
  const shown = JSON.stringify(harmless(reference.slice(0, 200)));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new WaybillError("unknown-image", `nothing is known of ${shown}`, {
      hint: "name it with its tag, as host/path:tag, or by seven digits of its digest at least",
    });
  }
  if (others.length === 0) return first;
  const names = found.slice(0, maxNamed).map(({ image, digest }) => harmless(`${image}@${digest}`));
  const more = found.length > maxNamed ? `, and ${found.length - maxNamed} more` : "";
  throw new WaybillError("ambiguous-image", `${shown} may be any of ${names.join(", ")}${more}`, {
    hint: `name one of them: ${shellLine(["waybill", line.verb, names[0] ?? ""])}`,
  });
}
