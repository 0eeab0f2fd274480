import { generateKeyPairSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  cosignTag,
  type Descriptor,
  type Digest,
  parseDigest,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { layersOf } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { executable, start } from "../support/built.ts";
import { writeFiles, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";
import { bundle, refer, signed } from "../trust/attach.ts";
import { runWith } from "./captured.ts";

const names = ["one", "two"];
const predicateType = "dev.sigstore.bundle.predicateType";
const signature = "https://sigstore.dev/cosign/sign/v1";
const record = "https://k8s.io/promo-tools/promotion/v1";

interface Staged {
  readonly root: Digest;
  /** The index and its platforms. */
  readonly all: readonly Digest[];
  /** What hangs on the index. */
  readonly attached: readonly Digest[];
}

type Moment = (request: IncomingMessage, path: string) => boolean;

/** The n-th request that puts a manifest under what the name says, once an image has its tag: 0 is the first. */
function afterFirstTag(isMeant: (target: string) => boolean, nth: number): Moment {
  let tagged = false;
  let seen = 0;
  return ({ method }, path) => {
    const target = /\/manifests\/(.+)$/.exec(path)?.[1];
    if (method !== "PUT" || target === undefined) return false;
    if (tagged && isMeant(target)) seen += 1;
    tagged ||= target === "v1";
    return seen > nth;
  };
}

const moments: readonly (readonly [string, () => Moment])[] = [
  ["before anything was signed in bundles", () => afterFirstTag(() => true, 0)],
  ["while bundles were attached", () => afterFirstTag((target) => target.startsWith("sha256:"), 3)],
  ["while cosign's tags were written", () => afterFirstTag((target) => target.endsWith(".sig"), 3)],
];

describe("a promotion that signs and is killed after the first tag", () => {
  let world: PromotionWorld;
  const staged = new Map<string, Staged>();

  beforeAll(async () => {
    world = await openWorld();
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    for (const name of names) {
      const { root } = await world.stage(`foo/${name}`, "v1");
      const repository = at(`${world.staging.host}/foo/${name}`);
      const json = JSON.parse(Buffer.from(root.bytes).toString()) as { manifests: Descriptor[] };
      const sbom = await refer(repository, root.descriptor, {
        artifactType: "application/spdx+json",
        layers: [{ mediaType: "application/spdx+json", bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
      });
      const theirs = await refer(repository, root.descriptor, bundle(root.descriptor.digest, signed));
      staged.set(name, {
        root: root.descriptor.digest,
        all: [root.descriptor.digest, ...json.manifests.map(({ digest }) => parseDigest(digest))],
        attached: [sbom.digest, theirs.digest],
      });
    }
    await writeFiles(world.folder, {
      "release.key": privatePem(privateKey),
      "waybill.yaml": [
        "trust:",
        "  travel: all",
        "  signers: { release: { key: release.key } }",
        "  sign: [{ signer: release, layout: both, platforms: true, record: true }]",
      ].join("\n"),
    });
  });
  afterAll(() => world.close());

  const at = (name: string): Repository => world.registries.repository(parseRepository(name));

  /** A promotion to a place of its own, which is killed at the moment, and what came of one more. */
  const killed = async (place: string, isMoment: Moment) => {
    const tree = join(world.folder, place);
    const images = Object.fromEntries([...staged].map(([name, { root }]) => [name, { [root]: ["v1"] }]));
    const destinations = [`${world.production.host}/${place}`];
    await writeTree(tree, [{ name: "foo", source: `${world.staging.host}/foo`, destinations, images }]);
    const environment = { HOME: world.folder, WAYBILL_CONFIG: join(world.folder, "waybill.yaml") };
    const line = ["promote", tree, "--confirm"];
    const { child, ended } = start(executable("waybill"), line, { ...process.env, ...environment });
    watched.set(place, { isMoment, kill: () => child.kill("SIGKILL") });
    const { signal } = await ended;
    watched.delete(place);
    const completed = await runWith(environment, ...line);
    const again = await runWith(environment, ...line, "--json");
    return { signal, completed, counts: JSON.parse(again.stdout).counts };
  };
  const watched = new Map<string, { readonly isMoment: Moment; readonly kill: () => unknown }>();

  /** What hangs on an image of a place, as often as it is there. */
  const hanging = async (place: string, name: string, subject: Digest) => {
    const repository = at(`${world.production.host}/${place}/${name}`);
    const attached = staged.get(name)?.attached ?? [];
    const referrers = await repository.referrers(subject);
    const tagged = await repository.fetch(cosignTag(subject, "sig"));
    return {
      theirs: attached.map((digest) => referrers.filter((each) => each.digest === digest).length),
      ours: referrers
        .filter(({ digest }) => !attached.includes(digest))
        .map(({ annotations }) => annotations?.[predicateType])
        .sort(),
      underTag: tagged === undefined ? 0 : layersOf(tagged).length,
    };
  };

  test("is done by one more run, and nothing is there twice", async () => {
    world.production.interfere((request, { pathname }) => {
      const place = pathname.split("/")[2] ?? "";
      const watch = watched.get(place);
      if (watch?.isMoment(request, pathname) === true) watch.kill();
      return undefined;
    });
    const runs = await Promise.all(moments.map(([, moment], index) => killed(`place-${index}`, moment())));
    for (const [index, { signal, completed, counts }] of runs.entries()) {
      const place = `place-${index}`;
      expect({ place, signal, status: completed.status }).toEqual({ place, signal: "SIGKILL", status: 0 });
      expect(counts).toMatchObject({ done: 0, failed: 0 });
      for (const [name, { root, all }] of staged) {
        expect((await at(`${world.production.host}/${place}/${name}`).resolve(parseTag("v1")))?.digest).toBe(
          root,
        );
        for (const subject of all) {
          const isRoot = subject === root;
          expect(await hanging(place, name, subject), `${place}/${name}@${subject}`).toEqual({
            theirs: isRoot ? [1, 1] : [0, 0],
            ours: isRoot ? [record, signature] : [signature],
            underTag: 1,
          });
        }
      }
    }
    expect(await world.brokenTags()).toEqual([]);
  }, 60_000);
});
