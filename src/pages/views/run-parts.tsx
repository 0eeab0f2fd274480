import * as z from "zod/mini";
import type { RunEventDocument, ShownRunDocument, TryDocument } from "../../server/index.ts";
import { State, stateOfTry } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import { eventInWords, type ShownStep } from "../run-steps.ts";
import type { Listed } from "../tables.ts";
import type { Visit } from "../visit.ts";
import { readArtifact } from "./artifact.tsx";

const pushed = z.object({ repository: z.string(), digest: z.string(), tags: z.array(z.string()) });
const imagesFile = z.object({ images: z.array(pushed) });

/** An image that a build has pushed. */
type PushedImage = z.infer<typeof pushed>;

const imagesArtifact = "images.json";

/** What a build says that it has pushed; nothing while it has not said so, or of another kind. */
export async function pushedBy({ api }: Visit, run: ShownRunDocument): Promise<readonly PushedImage[]> {
  if (run.artifacts?.includes(imagesArtifact) !== true) return [];
  const content = await readArtifact(api, run.id, imagesArtifact);
  if (content?.isWhole !== true) return [];
  try {
    // Another version of Waybill's, or a file of somebody else's, is there to be looked at.
    return imagesFile.safeParse(JSON.parse(content.text)).data?.images ?? [];
  } catch {
    return [];
  }
}

interface StepsProps {
  readonly of: Listed<ShownStep>;
  readonly run: ShownRunDocument;
  readonly now: Date;
}

/** The steps of a build with their times. */
export function Steps({ of, run, now }: StepsProps) {
  if (run.kind !== "build") return null;
  const isOver = run.state !== "running";
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">Steps</h2>
      <Table
        label="Steps"
        columns={[
          { title: "State", cell: (step) => <StepState step={step} isOver={isOver} /> },
          { title: "Step", cell: ({ number, of }) => `${number} of ${of}` },
          { title: "Name", cell: ({ build, id }) => [build, id].filter((word) => word).join(": ") },
          { title: "Runs in", cell: ({ image }) => <code>{image}</code> },
          { title: "Started", cell: ({ startedAt }) => <Time at={startedAt} /> },
          {
            title: "Took",
            cell: ({ startedAt, endedAt }) =>
              endedAt === undefined && isOver ? (
                <span class="none">–</span>
              ) : (
                <Duration from={startedAt} to={endedAt} now={now} />
              ),
            isNumber: true,
          },
        ]}
        of={of}
        keyOf={({ build, number, startedAt }) => `step-${build}-${number}-${startedAt}`}
        empty={isOver ? "It tells of no step: see its log." : "No step has begun."}
      />
    </section>
  );
}

function StepState({
  step: { endedAt, exitCode },
  isOver,
}: {
  readonly step: ShownStep;
  readonly isOver: boolean;
}) {
  if (endedAt === undefined) return isOver ? <State of="aborted" word="cut off" /> : <State of="running" />;
  if (exitCode === undefined) return <State of="aborted" word="stopped" />;
  return exitCode === 0 ? <State of="success" /> : <State of="failure" word={`exit ${exitCode}`} />;
}

/** What a build has pushed. */
export function Pushed({ of }: { readonly of: Listed<PushedImage> }) {
  if (of.items.length === 0) return null;
  return (
    <section aria-labelledby="pushed">
      <h2 id="pushed">What it pushed</h2>
      <Table
        label="What it pushed"
        columns={[
          { title: "Image", cell: ({ repository }) => repository },
          { title: "Tags", cell: ({ tags }) => tags.join(", ") },
          {
            title: "Digest",
            cell: ({ digest }) => (
              <a href={`/find?q=${encodeURIComponent(digest)}`}>
                <code>{digest}</code>
              </a>
            ),
          },
        ]}
        of={of}
        keyOf={({ repository, digest }) => `image-${repository}-${digest}`}
        empty=""
      />
    </section>
  );
}

/** Every time that it was begun; what failed stays. */
export function Attempts({ of, now }: { readonly of: Listed<TryDocument>; readonly now: Date }) {
  if (of.items.length === 0) return null;
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">Attempts</h2>
      <Table
        label="Attempts"
        columns={[
          { title: "Attempt", cell: ({ attempt }) => attempt, isNumber: true },
          { title: "State", cell: (attempt) => <State {...stateOfTry(attempt)} /> },
          { title: "Worker", cell: ({ worker }) => worker },
          { title: "Started", cell: ({ startedAt }) => <Time at={startedAt} /> },
          {
            title: "Took",
            cell: ({ startedAt, endedAt }) => <Duration from={startedAt} to={endedAt} now={now} />,
            isNumber: true,
          },
        ]}
        of={of}
        keyOf={({ attempt }) => `attempt-${attempt}`}
        empty=""
      />
    </section>
  );
}

/** What it has left, to be looked at or taken. */
export function Files({
  of,
  run,
}: {
  readonly of: Listed<{ readonly path: string }>;
  readonly run: ShownRunDocument;
}) {
  const { id, artifacts, state } = run;
  return (
    <section aria-labelledby="files">
      <h2 id="files">What it has left</h2>
      {artifacts === undefined ? (
        <p class="empty">
          Nobody can tell now: the objects that records are kept in cannot be read. Try again later.
        </p>
      ) : (
        <Table
          label="What it has left"
          columns={[
            { title: "File", cell: ({ path }) => <a href={`/runs/${id}/files/${inPath(path)}`}>{path}</a> },
            {
              title: "Download",
              cell: ({ path }) => (
                <a href={`/api/v1/runs/${id}/artifacts/${inPath(path)}`} aria-label={`Download ${path}`}>
                  Download
                </a>
              ),
            },
          ]}
          of={of}
          keyOf={({ path }) => `file-${path}`}
          empty={state === "ended" ? "No files." : "What it leaves is here when it has ended."}
        />
      )}
    </section>
  );
}

/** A path in an address. */
export function inPath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** What happened, in its order. */
export function Timeline({ of }: { readonly of: Listed<RunEventDocument> }) {
  if (of.items.length === 0) return null;
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      <details>
        <summary>{`${of.items.length}${of.next === undefined ? "" : " of more"} events`}</summary>
        <Table
          label="What happened"
          columns={[
            { title: "When", cell: ({ at }) => <Time at={at} /> },
            { title: "What", cell: ({ type }) => type },
            { title: "Of what", cell: (event) => eventInWords(event) },
          ]}
          of={of}
          keyOf={({ number }) => `event-${number}`}
          empty=""
        />
        {of.next === undefined ? "" : <a href={`?after=${of.next}#timeline`}>Later events</a>}
      </details>
    </section>
  );
}
