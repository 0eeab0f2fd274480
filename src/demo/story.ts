import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { openServer, type Server } from "../client/index.ts";
import { createFiles } from "../disk/index.ts";
import { shellLine } from "../errors/index.ts";
import { parseRepository, parseTag } from "../oci/index.ts";
import { openRegistries } from "../registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../registry-server/index.ts";
import type { DemoCommand, DemoOutcome, DemoStep } from "./demo.ts";
import { DemoError } from "./errors.ts";
import { type DemoForge, startDemoForge } from "./forge/forge.ts";
import { git, gitEnvironment } from "./forge/git.ts";
import type { ForgedRepository, ForgePerson } from "./forge/state.ts";
import { buildImage, pushImage } from "./image.ts";
import { jobFile, projectFiles, settingsFile } from "./project.ts";

/** A server that runs for the demonstration. */
export interface DemoServer {
  readonly url: string;
  /** The file with the token of an admin. */
  readonly tokenFile: string;
  stop(): Promise<void>;
}

/** What the story is told with. */
export interface StoryOptions {
  /** An empty folder, for all that it writes. */
  readonly folder: string;
  /** Runs a command line of `waybill`, without the program's name, with these variables and no others. */
  readonly run: (
    argv: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => Promise<DemoOutcome>;
  /** Starts a server by the settings of a file, with these variables and no others. */
  readonly serve: (settings: string, environment: Readonly<Record<string, string>>) => Promise<DemoServer>;
  readonly onStep: (step: DemoStep) => void;
  /** Given when nothing more is to be begun. */
  readonly signal: AbortSignal;
}

/** What is there when the story has been told, until it is closed. */
export interface ToldStory {
  readonly succeeded: boolean;
  readonly url: string;
  /** Command lines that do more of it, from any terminal. */
  readonly byHand: readonly string[];
  close(): Promise<void>;
}

const regions = ["us", "eu", "asia"] as const;
const before = "v1.0.0";
const tag = "v1.1.0";
const images = ["hello", "worker"];

const runSchema = z.object({
  id: z.string(),
  state: z.string(),
  result: z.optional(z.string()),
  summary: z.optional(z.string()),
});
type StoryRun = z.output<typeof runSchema>;
const runsSchema = z.object({ items: z.array(runSchema) });
const taggedSchema = z.object({ items: z.array(z.object({ digest: z.string() })) });
const lifeSchema = z.object({
  stations: z.array(z.object({ name: z.string(), run: z.optional(z.unknown()) })),
});
const reviewsSchema = z.object({ items: z.array(z.object({ id: z.string() })) });
const remotesSchema = z.object({
  items: z.array(z.object({ url: z.string(), what: z.string(), lookedAt: z.optional(z.string()) })),
});

/** Milliseconds between two looks at what the server does. */
const pace = 250;

/**
 * From the push of a tag to production, by a server that does what its jobs say, with a forge and four registries on this machine.
 * Nobody types anything between its steps but where a person decides: a colleague, whom it plays, approves the pull request, and
 * whoever watches lifts its hold, on the page.
 */
export async function tellStory(options: StoryOptions): Promise<ToldStory> {
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    const world = await begin(options, (one) => void closing.push(one));
    const succeeded = await goOn(world, options);
    return { succeeded, url: world.url, byHand: byHand(world, options), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface StoryWorld {
  readonly url: string;
  readonly forge: DemoForge;
  readonly server: Server;
  readonly tokenFile: string;
  readonly app: ForgedRepository;
  readonly manifests: ForgedRepository;
  readonly developer: ForgePerson;
  readonly colleague: ForgePerson;
  readonly registries: Readonly<Record<"staging" | (typeof regions)[number], RegistryServer>>;
}

async function begin(
  { folder, run, serve, onStep, signal }: StoryOptions,
  closeLater: (close: () => Promise<void>) => void,
): Promise<StoryWorld> {
  const at = (...parts: readonly string[]): string => join(folder, ...parts);
  const start = async (name: string): Promise<RegistryServer> => {
    const registry = await startRegistryServer({ dir: at("registries", name) });
    closeLater(registry.close);
    return registry;
  };
  const registries = {
    ...{
      staging: await start("staging"),
      us: await start("us"),
      eu: await start("eu"),
      asia: await start("asia"),
    },
  };
  onStep({
    title: "Four registries: one for staging, three for production",
    commands: Object.entries(registries).map(([name, { address, url }]) => ({
      words: ["waybill", "registry", "serve", "--dir", at("registries", name), "--listen", address],
      inBackground: true,
      output: [`serving ${at("registries", name)} at ${url}`],
    })),
  });
  const staging = `${registries.staging.address}/app`;
  const tree = at("before");
  await pushFormer(staging);
  await writeTree(tree, staging, registries);
  const plain = { WAYBILL_CONFIG: "/dev/null" };
  const shown = async (title: string, ...lines: readonly (readonly string[])[]): Promise<void> => {
    const commands: DemoCommand[] = [];
    for (const argv of lines) {
      const { status, output } = await run(argv, plain);
      commands.push({ words: ["waybill", ...argv], inBackground: false, output });
      if (status !== 0) throw new DemoError("step-failed", `waybill ${argv[0]} ended with ${status}`);
    }
    onStep({ title, commands });
  };
  await shown(
    `What production has so far: ${before}, promoted by hand`,
    ["merge", tree, "--staging-repo", staging, "--tag", before],
    ["promote", tree, "--confirm"],
  );

  const forge = await startDemoForge(at("forge"));
  closeLater(forge.close);
  const robot = forge.addPerson("waybill-bot");
  const developer = forge.addPerson("dana");
  const colleague = forge.addPerson("cecile");
  const visitor = forge.addPerson("you");
  const app = await forge.create("team/app", projectFiles());
  const manifests = await forge.create("team/manifests", await filesOf(tree));
  manifests.required = ["review"];
  await git(["clone", "--quiet", `${forge.url}/team/app.git`, at("app")], gitEnvironment(folder, "dana"));
  onStep({
    title: "A small forge: the project, and the manifests that say what is promoted to where",
    commands: [
      { words: ["git", "clone", `${forge.url}/team/app.git`, at("app")], inBackground: false, output: [] },
    ],
  });

  const secret = randomBytes(24).toString("hex");
  const jobs = jobFile({
    project: `${forge.url}/team/app`,
    manifests: `${forge.url}/team/manifests`,
    staging,
  });
  const settings = at("waybill.yaml");
  await createFiles([
    { path: settings, text: settingsFile(forge, visitor.name) },
    { path: at("jobs", "release.yaml"), text: jobs },
  ]);
  await mkdir(at("secrets"), { mode: 0o700 });
  await writeFile(at("secrets", "webhook"), `${secret}\n`, { mode: 0o600 });
  await writeFile(at("secrets", "login"), `${forge.login.clientSecret}\n`, { mode: 0o600 });
  const { PATH = "" } = process.env;
  const { url, tokenFile, stop } = await serve(settings, {
    ...{ PATH, HOME: folder, WAYBILL_CONFIG: settings, WAYBILL_FORGE_TOKEN: robot.token },
  });
  closeLater(stop);
  forge.hook(`${url}/webhooks/forge`, secret);
  const token = (await readFile(tokenFile, "utf8")).trim();
  const server = openServer({ url, token, network: { environment: {} }, signal });
  closeLater(server.close);
  forge.login.allow(`${url}/auth/forge/callback`);
  const entry = forge.admit(visitor, `${url}/auth/forge?return=%2F`);
  onStep({
    title: "A server that does what its jobs say. Its page lets you in by this link, once",
    commands: [
      { words: ["cat", at("jobs", "release.yaml")], inBackground: false, output: jobs.trimEnd().split("\n") },
      { words: ["waybill", "serve"], inBackground: true, output: [`serving at ${url}`] },
    ],
    link: `${forge.url}${entry}`,
    isEntry: true,
  });
  // What a repository has when it is seen for the first time starts nothing.
  await until("both repositories to be seen", signal, async () => {
    const { items } = await server.get("/remotes", remotesSchema);
    // Refs of both, and the pull requests of one.
    return items.filter(({ lookedAt }) => lookedAt !== undefined).length >= 3 ? true : undefined;
  });
  return { ...{ url, forge, server, tokenFile, app, manifests, developer, colleague, registries } };
}

async function goOn(world: StoryWorld, { folder, run, onStep, signal }: StoryOptions): Promise<boolean> {
  const { url, forge, server, tokenFile, manifests, developer, colleague } = world;
  const project = join(folder, "app");
  const client = { WAYBILL_CONFIG: "/dev/null", WAYBILL_TOKEN_FILE: tokenFile };
  const listed = async (job: string): Promise<DemoCommand> => {
    const argv = ["runs", job, "--server", url];
    const { output } = await run(argv, client);
    return { words: ["waybill", ...argv], inBackground: false, output };
  };
  const newest = async (job: string): Promise<StoryRun | undefined> =>
    (await server.get(`/runs?job=${job}&limit=1`, runsSchema)).items[0];
  const ended = async (job: string): Promise<StoryRun> => {
    const run = await until(`a run of ${job}`, signal, async () => {
      const found = await newest(job);
      return found?.state === "ended" ? found : undefined;
    });
    if (run.result === "SUCCESS") return run;
    throw new DemoError("step-failed", `${job} ended with ${run.result}: ${run.summary ?? ""}`, {
      where: `${url}/runs/${run.id}`,
    });
  };

  const environment = gitEnvironment(folder, developer.name);
  await git(["-C", project, "tag", tag], environment);
  const pushUrl = forge.url.replace("http://", `http://${developer.name}:${developer.token}@`);
  await git(["-C", project, "push", "--quiet", `${pushUrl}/team/app.git`, tag], environment);
  onStep({
    title: `Dana pushes a tag. That is all she does`,
    commands: [
      { words: ["git", "-C", project, "tag", tag], inBackground: false, output: [] },
      { words: ["git", "-C", project, "push", "origin", tag], inBackground: false, output: [] },
    ],
  });

  const built = await ended("build-app");
  onStep({
    title: "It is built, and pushed to staging",
    commands: [await listed("build-app")],
    link: `${url}/runs/${built.id}`,
  });

  await ended("propose-app");
  const proposal = await until("a pull request", signal, () => manifests.proposals[0]);
  const request = `${forge.url}/team/manifests/pulls/${proposal.number}`;
  await until("its review", signal, () =>
    manifests.statuses.some(({ context, commit }) => context === "review" && commit === proposal.headCommit)
      ? true
      : undefined,
  );
  await ended("review");
  const { items: reviews } = await server.get("/reviews?limit=1", reviewsSchema);
  const review = `${url}/reviews/${reviews[0]?.id}`;
  onStep({
    title: "Its promotion is proposed, held, and reviewed",
    commands: [await listed("propose-app"), await listed("review")],
    link: request,
  });

  forge.say(manifests, proposal, colleague, "All is well.\n\n/approve");
  const isLet = (): true | undefined =>
    manifests.statuses.findLast(({ context }) => context === "review")?.state === "success"
      ? true
      : undefined;
  await until("its approval", signal, isLet);
  onStep({ title: "Cecile, who owns the list of images, approves", commands: [], link: review });

  const unholding = [`WAYBILL_FORGE_TOKEN=${developer.token}`, "waybill", "pr", "unhold", request];
  onStep({
    title: "Now you decide: open the page, look at what it would do, and lift the hold",
    commands: [{ words: unholding, inBackground: false, output: [] }],
    link: review,
    isWaiting: true,
  });
  await until("the merge", signal, () => (proposal.state === "merged" ? true : undefined));
  const promoted = await ended("promote");
  onStep({
    title: "It was merged by that, and is in three registries",
    commands: [await listed("promote")],
    link: `${url}/runs/${promoted.id}/promotion`,
  });

  const tree = join(folder, "manifests");
  await git(["clone", "--quiet", `${forge.url}/team/manifests.git`, tree], environment);
  const { status, output } = await run(["verify", tree], client);
  onStep({
    title: "And it is so: production is as the manifests say",
    commands: [{ words: ["waybill", "verify", tree], inBackground: false, output }],
  });
  const image = `${world.registries.staging.address}/app/hello`;
  await until("the image's life", signal, () => isPromotionKnown(server, image));
  const trace = ["trace", `${image}:${tag}`, "--server", url];
  const traced = await run(trace, client);
  onStep({
    title: "The life of the image as one line: from the commit to each mirror",
    commands: [{ words: ["waybill", ...trace], inBackground: false, output: traced.output }],
    link: `${url}/images/${image}:${tag}`,
  });
  return status === 0;
}

/** Whether a server knows which run brought the image to production: it takes in what a run did after the run has ended. */
async function isPromotionKnown(server: Server, image: string): Promise<true | undefined> {
  const { items } = await server.get(`/images/tags?${new URLSearchParams({ image, tag })}`, taggedSchema);
  const digest = items[0]?.digest;
  if (digest === undefined) return undefined;
  const asked = new URLSearchParams({ image, digest });
  const { stations } = await server.get(`/images/life?${asked}`, lifeSchema);
  return stations.some(({ name, run }) => name === "promotion" && run !== undefined) ? true : undefined;
}

/** Looks again and again. @throws What the signal was given for. */
async function until<Found>(
  what: string,
  signal: AbortSignal,
  look: () => Promise<Found | undefined> | Found | undefined,
): Promise<Found> {
  for (;;) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    await sleep(pace, undefined, { signal }).catch((cause: unknown) => {
      throw new DemoError("step-failed", `stopped while it waited for ${what}`, { cause });
    });
  }
}

async function pushFormer(staging: string): Promise<void> {
  const registries = openRegistries({ environment: {} });
  try {
    for (const name of images) {
      const repository = registries.repository(parseRepository(`${staging}/${name}`));
      await pushImage(await buildImage(name, before), repository, [parseTag(before)]);
    }
  } finally {
    await registries.close();
  }
}

const treeFiles = {
  list: "images/app/images.yaml",
  owners: "images/app/OWNERS",
  manifest: "manifests/app/promoter-manifest.yaml",
} as const;

/** The manifests, as somebody has written them by hand. */
async function writeTree(tree: string, staging: string, registries: StoryWorld["registries"]): Promise<void> {
  const production = regions.map((region) => `- name: ${registries[region].address}/app`);
  const manifest = ["registries:", `- name: ${staging}`, "  src: true", ...production, ""].join("\n");
  await createFiles([
    { path: join(tree, treeFiles.manifest), text: manifest },
    { path: join(tree, treeFiles.list), text: "# What the app is made of.\n" },
    { path: join(tree, treeFiles.owners), text: "approvers:\n- cecile\n" },
  ]);
}

async function filesOf(tree: string): Promise<ReadonlyMap<string, string>> {
  const read = async (path: string) => [path, await readFile(join(tree, path), "utf8")] as const;
  return new Map(await Promise.all(Object.values(treeFiles).map(read)));
}

function byHand(
  { url, tokenFile, forge, developer }: StoryWorld,
  { folder }: StoryOptions,
): readonly string[] {
  const push = forge.url.replace("http://", `http://${developer.name}:${developer.token}@`);
  const lines = [
    ["export", `WAYBILL_TOKEN_FILE=${tokenFile}`],
    ["waybill", "runs", "--server", url],
    ["git", "-C", join(folder, "app"), "tag", "v1.2.0"],
    ["git", "-C", join(folder, "app"), "push", `${push}/team/app.git`, "v1.2.0"],
    ["waybill", "verify", join(folder, "manifests")],
  ];
  return lines.map(shellLine);
}
