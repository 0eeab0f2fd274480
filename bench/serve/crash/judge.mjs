import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { regions } from "./world.mjs";

/** Waits until all that was asked for is over, as far as the API tells. @returns What is not, when the time is up. */
export async function untilQuiet(world, milliseconds) {
  const { repositories, ask } = world;
  const open = async () => {
    for (const state of ["held", "waiting", "running"]) {
      const page = await ask("GET", `/runs?state=${state}&limit=20`);
      if (page === undefined) return "the server does not answer";
      if (page.items.length > 0)
        return `${page.items.length} runs are ${state}: ${page.items[0].job} ${page.items[0].id}`;
    }
    for (const repository of repositories) {
      const { number, name, head } = repository;
      const promotion =
        head() === undefined
          ? { state: "promoted" }
          : await ask("GET", `/jobs/promote-${number}/commits/${head()}`);
      if (promotion?.state !== "promoted") return `the head of ${name}: ${promotion?.text}`;
      const missing = await unseenTags(ask, repository);
      if (missing.length > 0) return `${missing.length} tags of ${name} have started nothing: ${missing[0]}`;
    }
    return undefined;
  };
  const until = Date.now() + milliseconds;
  let why;
  do {
    why = await open();
    if (why === undefined) return undefined;
    await sleep(500);
  } while (Date.now() < until);
  return why;
}

async function unseenTags(ask, { number, tags, builds }) {
  const of = async (job, pushed) => {
    const runs = await runsOf(ask, `${job}-${number}`);
    if (runs === undefined) return ["the server does not answer"];
    const seen = new Set(runs.map(({ ref }) => ref));
    return pushed.filter((tag) => !seen.has(tag));
  };
  return [...(await of("tagged", tags)), ...(await of("built", builds))];
}

/** @returns `undefined` when the server does not answer. */
async function runsOf(ask, job) {
  const runs = [];
  for (let after = ""; ; ) {
    const page = await ask("GET", `/runs?job=${job}&limit=200${after}`);
    if (page === undefined) return undefined;
    runs.push(...page.items);
    if (page.next === undefined) return runs;
    after = `&after=${page.next}`;
  }
}

/** The logs of all builds that were begun anew and have succeeded, by run, while there is a server that gives them. */
export async function readLogs({ ask, repositories }) {
  const logs = new Map();
  for (const { number } of repositories) {
    for (const { id, attempt, result } of (await runsOf(ask, `built-${number}`)) ?? []) {
      if (result === "SUCCESS" && attempt > 1) logs.set(id, (await ask("GET", `/runs/${id}/log`)) ?? "");
    }
  }
  return logs;
}

/** What is left to be read when all servers have ended. */
export function readTables(world) {
  return world.withDatabase(async (db) => ({
    runs: await db.query("SELECT * FROM queue_run ORDER BY id"),
    slots: await db.query("SELECT * FROM queue_slot"),
    history: await db.query("SELECT * FROM bench_history ORDER BY number"),
    deliveries: await db.query("SELECT id, sender, outcome, arrivals, attempts FROM delivery"),
    records: await db.query("SELECT id, result, attempt FROM run_record"),
    audit: await world.internal.verifyAuditLog(db),
  }));
}

function groupBy(all, keyOf) {
  const groups = new Map();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

/**
 * Holds the tables and the registry against what was asked for.
 * @param logs Of builds, by run.
 * @returns What was looked at, how much of it, and what is wrong.
 */
export async function judge(world, load, tables, logs = new Map()) {
  const found = [];
  const check = (what, count, wrong) => found.push({ what, count, wrong });
  const { runs, records, deliveries } = tables;
  const { repositories, registry } = world;
  const byId = new Map(runs.map((run) => [run.id, run]));
  const name = ({ job, id }) => `${job} ${id}`;

  check("runs that have ended", runs.length, runs.filter(({ state }) => state !== "ended").map(name));
  check(
    "places of runs that have ended are free",
    runs.length,
    tables.slots.map(({ kind, run }) => `${kind} ${run}`),
  );
  const recorded = new Map(records.map((record) => [record.id, record]));
  check(
    "records that say so, with the attempt that ended",
    records.length,
    runs.flatMap((run) => {
      const record = recorded.get(run.id);
      if (record === undefined)
        return run.attempt > 0 && run.crashes < run.attempt ? [`${name(run)}: none`] : [];
      const result = run.result === "ERROR" ? "FAILURE" : run.result;
      return record.result === result ? [] : [`${name(run)}: ${record.result}, and the run ${run.result}`];
    }),
  );

  const tags = repositories.flatMap(({ number, tags: pushed, builds }) => [
    ...pushed.map((ref) => ({ job: `tagged-${number}`, ref })),
    ...builds.map((ref) => ({ job: `built-${number}`, ref })),
  ]);
  const ofTag = groupBy(runs, ({ job, ref }) => `${job} ${ref}`);
  check(
    "pushed tags that started one run each",
    tags.length,
    tags.flatMap(({ job, ref }) => {
      const started = ofTag.get(`${job} ${ref}`) ?? [];
      const causes = started.reduce((sum, run) => sum + causesOf(run), 0);
      return started.length === 1 && causes === 1
        ? []
        : [`${job} ${ref}: ${started.length} runs, ${causes} causes`];
    }),
  );
  check(
    "heads of branches that a promotion has reached",
    repositories.length,
    repositories.flatMap(({ number, head }) => {
      const done = runs.filter(({ job, result }) => job === `promote-${number}` && result === "SUCCESS");
      return done.at(-1)?.details.revision === head()
        ? []
        : [`promote-${number}: ${done.at(-1)?.details.revision}`];
    }),
  );
  check(
    "promotions of an older head after those of a newer one",
    runs.filter(({ job }) => job.startsWith("promote-")).length,
    outOfOrder(world, runs),
  );

  const known = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const accepted = [...load.delivered, ...[...load.heard.values()].flat()];
  check(
    "accepted deliveries that were processed",
    accepted.length,
    accepted
      .filter((id) => known.get(id)?.outcome !== "done")
      .map((id) => `${id}: ${known.get(id)?.outcome}`),
  );
  check(
    "events of a registry that are a cause of one run each",
    [...load.heard.values()].flat().length,
    repositories.flatMap(({ number }) => {
      const causes = sumOf(runs, `heard-${number}`);
      const sent = load.heard.get(number)?.length ?? 0;
      return causes === sent ? [] : [`heard-${number}: ${causes} causes for ${sent} events`];
    }),
  );
  const byHand = repositories.reduce((sum, { number }) => sum + sumOf(runs, `asked-${number}`), 0);
  const sent = load.answered.length + load.unanswered;
  check("answered calls of the API whose run has ended", load.answered.length, [
    ...load.answered.filter((id) => byId.get(id)?.state !== "ended"),
    ...(byHand >= load.answered.length && byHand <= sent ? [] : [`${byHand} causes for ${sent} calls`]),
  ]);

  const production = [];
  let images = 0;
  for (const { image, images: asked } of repositories) {
    images += asked.size;
    for (const region of regions) {
      const there = await registry.tagsOf(`${region}/${image}`);
      for (const [tag, digest] of asked) {
        if (there.get(tag) !== digest) production.push(`${region}/${image}:${tag} is ${there.get(tag)}`);
      }
      for (const tag of there.keys())
        if (!asked.has(tag)) production.push(`${region}/${image}:${tag} is nobody's wish`);
    }
  }
  check("tags of production that are as asked for, and no other", images * regions.length, production);
  const verified = await Promise.all(repositories.map((repository) => verify(world, repository)));
  check("repositories that waybill verify finds nothing in", repositories.length, verified.filter(Boolean));

  const isOfBuild = ({ path }) => path.startsWith("/v2/built/");
  const puts = registry
    .writes()
    .filter((write) => write.method === "PUT" && write.digest !== undefined && !isOfBuild(write));
  const contents = groupBy(
    puts.flatMap(({ repository, tags: names, digest }) =>
      names.map((tag) => ({ name: `${repository}:${tag}`, digest })),
    ),
    (put) => put.name,
  );
  check(
    "tags that were put with one content alone",
    contents.size,
    [...contents].filter(([, all]) => new Set(all.map(({ digest }) => digest)).size > 1).map(([tag]) => tag),
  );
  const deleted = registry.writes().filter(({ method }) => method === "DELETE");
  check(
    "nothing was deleted",
    deleted.length,
    deleted.map(({ path }) => path),
  );
  const again = [...contents.values()].filter((all) => all.length > 1).length;

  const builds = runs.filter(({ job }) => job.startsWith("built-"));
  const missing = [];
  for (const { number, image } of repositories) {
    const there = await registry.tagsOf(`built/${image}`);
    for (const { id, job, ref, result } of builds.filter(({ job }) => job === `built-${number}`)) {
      if (result !== "SUCCESS") continue;
      const tag = ref.replace("refs/tags/", "");
      const digest = await recordedDigest(world, job, id);
      if (digest === undefined || there.get(tag) !== digest)
        missing.push(`${image}:${tag} is ${there.get(tag)}, and the record of ${id} says ${digest}`);
    }
  }
  const done = builds.filter(({ result }) => result === "SUCCESS");
  check("builds that succeeded, whose image stands as recorded", done.length, missing);
  const begunAgain = done.filter(({ attempt }) => attempt > 1);
  check(
    "builds that were cut off and begun anew, and say so",
    begunAgain.length,
    begunAgain
      .filter(({ id, attempt }) => !logs.get(id)?.includes(`attempt ${attempt}: the one before was cut off`))
      .map(name),
  );
  check(
    "builds that failed",
    builds.length,
    builds.filter(({ result }) => result === "FAILURE" || result === "ABORTED").map(name),
  );

  const attempts = attemptsOf(tables.history);
  check(
    "attempts of a run that began after the one before was over",
    attempts.length,
    overlaps(attempts, ({ run }) => run),
  );
  const withMutex = attempts.filter(({ mutex }) => mutex !== null);
  check(
    "attempts with the mutex that went on alone",
    withMutex.length,
    overlaps(withMutex, ({ mutex }) => mutex),
  );
  check(
    "writes that were made by the attempt that had the run then",
    registry.writes().length,
    strayWrites(world, attempts),
  );
  const { entries, fault } = tables.audit;
  check("entries of the audit log that hold together", entries, fault === undefined ? [] : [fault.message]);
  return { found, again, attempts };
}

/** What a proposal would be told of a build. */
async function recordedDigest({ folder }, job, id) {
  const path = join(folder, "objects", "logs", job, id, "artifacts", "images.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text).images[0]?.digest;
}

function causesOf({ causes, more_causes: more }) {
  return causes.length + more;
}

function sumOf(runs, job) {
  return runs.filter((run) => run.job === job).reduce((sum, run) => sum + causesOf(run), 0);
}

/** Promotions that read an older head than one that had begun before them. */
function outOfOrder({ repositories }, runs) {
  const wrong = [];
  for (const { number, order } of repositories) {
    const begun = runs
      .filter(({ job, details }) => job === `promote-${number}` && details?.revision !== undefined)
      .sort((one, other) => one.started_at - other.started_at);
    let newest = -1;
    for (const { id, details } of begun) {
      const at = order.indexOf(details.revision);
      if (at < newest) wrong.push(`promote-${number} ${id}`);
      newest = Math.max(newest, at);
    }
  }
  return wrong;
}

/** Each attempt, from when it had the run until it had it no more. */
export function attemptsOf(history) {
  const attempts = [];
  const open = new Map();
  for (const { run, job, mutex, attempt, worker, state, at } of history) {
    const time = at.getTime();
    const before = open.get(run);
    if (before !== undefined) {
      before.until = time;
      open.delete(run);
    }
    if (state !== "running") continue;
    const begun = { run, job, mutex, attempt, worker, from: time, until: Number.POSITIVE_INFINITY };
    attempts.push(begun);
    open.set(run, begun);
  }
  return attempts;
}

function overlaps(attempts, groupOf) {
  const wrong = [];
  for (const [group, all] of groupBy(attempts, groupOf)) {
    for (const [at, one] of all.entries()) {
      const next = all[at + 1];
      if (next !== undefined && next.from < one.until)
        wrong.push(`${group}: ${one.run}/${one.attempt}, ${next.run}/${next.attempt}`);
    }
  }
  return wrong;
}

/** Writes that no attempt of the process that made them covers. */
export function strayWrites({ servers, registry }, attempts) {
  const pids = new Map(servers.flatMap(({ lives }) => lives.map(({ name, pid }) => [name, pid])));
  const byWriter = groupBy(attempts, ({ worker, job }) => `${worker.split(":").at(-3)} ${job}`);
  return registry.writes().flatMap(({ at, who, method, path }) => {
    const [, number] = /\/app-(\d+)\//.exec(path) ?? [];
    const job = path.startsWith("/v2/built/") ? "built" : "promote";
    const own = byWriter.get(`${pids.get(who)} ${job}-${number}`) ?? [];
    return own.some(({ from, until }) => from <= at && at <= until)
      ? []
      : [`${new Date(at).toISOString()} ${who} ${method} ${path}`];
  });
}

/** @returns What is wrong with production, by the command. */
async function verify({ waybill, folder, credentialsFor }, { name }) {
  const docker = await credentialsFor("judge");
  return new Promise((resolve) => {
    const tree = join(folder, "checkouts", name, "registry");
    const env = { PATH: process.env.PATH, HOME: folder, DOCKER_CONFIG: docker, WAYBILL_CONFIG: "/dev/null" };
    execFile(process.execPath, [waybill, "verify", tree], { env }, (error, stdout, stderr) => {
      resolve(error === null ? undefined : `${name}: ${stdout}${stderr}`.trim().slice(0, 500));
    });
  });
}
