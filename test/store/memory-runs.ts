import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  eventsArtifact,
  eventsFormat,
  type RecordedRun,
  RunError,
  type RunStore,
  type StoredRun,
} from "../../src/store/index.ts";

interface Kept {
  record: RecordedRun;
  log: Buffer;
  events: string;
  readonly artifacts: Map<string, Buffer>;
}

/** A second driver: the runs of this process, in its memory. A run counts as crashed when its store says so. */
export function memoryRuns(): RunStore & { crash(id: string): void } {
  const kept: Kept[] = [];
  const crashed = new Set<string>();
  const newestFirst = () => kept.toSorted((a, b) => Number(BigInt(b.record.id) - BigInt(a.record.id)));
  const shown = ({ record }: Kept): RecordedRun => ({
    ...record,
    result: crashed.has(record.id) ? "CRASHED" : record.result,
  });
  const stored = (run: Kept): StoredRun => ({
    record: shown(run),
    async *log(from = 0) {
      if (from < run.log.length) yield run.log.subarray(from);
    },
    artifacts: async () => [...run.artifacts.keys()].sort(),
    async artifact(path) {
      const content = run.artifacts.get(path);
      return content === undefined ? undefined : piecesOf(content);
    },
  });
  const unknown = (name: string) => new RunError("unknown-run", `there is no run ${JSON.stringify(name)}`);
  return {
    where: "memory",
    crash: (id) => void crashed.add(id),
    async start({ job, type, head, refs, now = () => new Date() }) {
      if (!/^[A-Za-z0-9\-._]{1,200}$/.test(job) || job === "..") throw new RunError("invalid-job-name", job);
      const pulls = refs?.pulls ?? [];
      if (type === "presubmit" && pulls.length === 0) throw new RunError("invalid-refs", "no pull request");
      for (const run of kept) {
        if (run.record.job !== job || !crashed.delete(run.record.id)) continue;
        run.record = { ...run.record, result: "ABORTED", finishedAt: now() };
      }
      const folder = await mkdtemp(join(tmpdir(), "waybill-memory-"));
      const id = String(kept.length + 1);
      const revision = head?.commit ?? refs?.base_sha;
      const record = {
        job,
        id,
        where: `memory/${id}`,
        log: `memory/${id}/log`,
        startedAt: now(),
        head,
        refs,
      };
      const run: Kept = {
        record: { ...record, revision, finishedAt: undefined, result: "PENDING", planHash: undefined },
        log: Buffer.alloc(0),
        events: "",
        artifacts: new Map(),
      };
      kept.push(run);
      let isOver = false;
      const opened = (): void => {
        if (isOver) throw new RunError("run-unwritable", "the run has ended");
      };
      return {
        job,
        id,
        uuid: id,
        where: record.where,
        artifacts: folder,
        log(chunk) {
          opened();
          run.log = Buffer.concat([run.log, Buffer.from(chunk)]);
        },
        append(event) {
          opened();
          run.events ||= `${JSON.stringify({ format: eventsFormat, job, id })}\n`;
          run.events += `${JSON.stringify({ at: now().toISOString(), ...event })}\n`;
          run.artifacts.set(eventsArtifact, Buffer.from(run.events));
        },
        async write(path, content) {
          opened();
          if (path.split("/").some((step) => ["", ".", ".."].includes(step))) {
            throw new RunError("run-unwritable", path);
          }
          const isBytes = typeof content === "string" || content instanceof Uint8Array;
          run.artifacts.set(path, Buffer.from(isBytes ? content : [...content].join("")));
        },
        async finish({ result, revision, planHash }) {
          opened();
          isOver = true;
          const changed = { result, planHash, finishedAt: now(), revision: revision ?? run.record.revision };
          run.record = { ...run.record, ...changed };
          for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
            const path = join(entry.parentPath, entry.name);
            if (entry.isFile()) run.artifacts.set(relative(folder, path), await readFile(path));
          }
        },
      };
    },
    async find(name) {
      const run = newestFirst().find(({ record: { job, id, where } }) =>
        [id, `${job}/${id}`, job, where].includes(name),
      );
      if (run === undefined) throw unknown(name);
      return stored(run);
    },
    async list({ job, limit, after }) {
      const all = newestFirst().filter(({ record }) => job === undefined || record.job === job);
      const at = after === undefined ? 0 : Number(after.split("/")[1] ?? "0");
      if (after !== undefined && !(at > 0)) throw unknown(after);
      const behind = all.filter(({ record }) => after === undefined || Number(record.id) < at);
      const runs = behind.slice(0, limit).map(shown);
      const last = runs.at(-1);
      return {
        runs,
        next: last === undefined || behind.length <= limit ? undefined : `${last.job}/${last.id}`,
      };
    },
  };
}

async function* piecesOf(content: Buffer): AsyncGenerator<Uint8Array, void> {
  yield content;
}
