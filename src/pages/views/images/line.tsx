import type { ImageLife, Station, StationName, StationState } from "../../../history/index.ts";
import { commitPage } from "../../../provenance/index.ts";
import { pageOfRepository } from "../../parts/links.tsx";
import { Time } from "../../parts/time.tsx";

const titles: Readonly<Record<StationName, string>> = {
  commit: "Commit",
  build: "Build",
  staging: "Staging",
  "pull-request": "Pull request",
  promotion: "Promotion",
  mirrors: "Mirrors",
};

/** What a state is, for who sees no colors. */
const states: Readonly<Record<StationState, { readonly word: string; readonly strokes: string }>> = {
  done: { word: "done", strokes: "M3.5 8.5l3 3 6-7" },
  waiting: { word: "waits", strokes: "M8 4v4.2l2.8 1.8" },
  failed: { word: "failed", strokes: "M4 4l8 8M12 4l-8 8" },
  unknown: { word: "not known", strokes: "M4 8h8" },
};

/** A state as a sign. */
export function Sign({ of }: { readonly of: StationState }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d={states[of].strokes} />
    </svg>
  );
}

/** The life of an image as one line: its stations in their order, each with who, when and where to look. */
export function Line({ life }: { readonly life: ImageLife }) {
  return (
    <ol class="stations" aria-label="Its way from a commit to every mirror">
      {life.stations.map((station) => (
        <li class={`station station-${station.state}`}>
          <span class="dot">
            <Sign of={station.state} />
          </span>
          <strong>{titles[station.name]}</strong>
          <span class="unseen">{states[station.state].word}</span>
          <span class="station-what">
            <What station={station} />
          </span>
          {station.who.map((who) => (
            <span class="station-what">{who}</span>
          ))}
          {station.at === undefined ? "" : <Time at={station.at} />}
        </li>
      ))}
    </ol>
  );
}

function What({ station }: { readonly station: Station }) {
  const { name, run, url, repo, text, commit } = station;
  if (run !== undefined) return <a href={`/runs/${run.id}`}>{text}</a>;
  if (name === "mirrors") return <a href="#mirrors">{text}</a>;
  // Of a commit, where the forge has a page of it.
  const link = url ?? (name === "commit" ? (commitPage({ source: repo, commit }) ?? repo) : undefined);
  const page = pageOfRepository(link ?? "");
  const shown = name === "commit" && commit !== undefined ? <code title={commit}>{text}</code> : text;
  if (page === undefined) return <>{shown}</>;
  return (
    <a href={page.href} rel="noreferrer">
      {shown}
    </a>
  );
}
