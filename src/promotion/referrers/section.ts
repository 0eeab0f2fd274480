import { splitRepository } from "../../oci/index.ts";
import { companionKey } from "../../trust/index.ts";
import type { SectionKind } from "../section.ts";
import { isWork } from "../verdicts.ts";
import { applyTravel } from "./apply.ts";
import { planTravel } from "./plan.ts";
import {
  type CompanionDetails,
  type CompanionEdge,
  type PlannedCompanion,
  type PlannedTravel,
  plannedTravel,
  referrersKind,
} from "./planned.ts";

/**
 * What hangs on images, from staging into production. It is brought before its image: a registry takes a referrer before its
 * subject (distribution specification, "Pushing Manifests with Subject"), and so an image that is there says that what
 * travels with it is, too, whenever a run was broken off.
 */
export const referrerSection: SectionKind<PlannedTravel, CompanionEdge, CompanionDetails> = {
  kind: referrersKind,
  precedesImages: true,
  schema: plannedTravel,
  plan: planTravel,
  apply: applyTravel,

  *edges(items) {
    for (const travel of items) {
      for (const destination of travel.destinations) {
        for (const edge of travel.companions) yield { destination, travel, edge };
      }
    }
  },

  identity({ destinations, image, source, companions }) {
    const lines = companions.map(
      (companion) =>
        `${companionKey(companion)} ${companion.subject} ${companion.verdict} ${companion.reason}\n`,
    );
    // What stays behind is no work: whoever attaches something that nobody accepts makes no other plan of it.
    const at = companions.length === 0 ? [] : destinations;
    return { destinations: at, text: `${image} ${source}\n${lines.join("")}`, decisions: companions };
  },

  withhold(items, saved) {
    const held = new Map<string, Set<string>>();
    for (const { destinations, image, source, companions } of saved) {
      const keys = companions.filter(({ verdict }) => isWork(verdict)).map(companionKey);
      for (const destination of destinations) {
        const place = `${destination}@${image} ${source}`;
        held.set(place, new Set([...(held.get(place) ?? []), ...keys]));
      }
    }
    return items.flatMap((item) => {
      const restricted = new Map<string, PlannedTravel>();
      for (const destination of item.destinations) {
        const keys = held.get(`${destination}@${item.image} ${item.source}`);
        const companions = item.companions.map(
          (companion): PlannedCompanion =>
            isWork(companion.verdict) && !keys?.has(companionKey(companion))
              ? { ...companion, verdict: "withheld", reason: "not-in-saved-plan" }
              : companion,
        );
        const fate = companions.map(({ verdict }) => verdict).join(" ");
        const alike = restricted.get(fate);
        const destinations = [...(alike?.destinations ?? []), destination];
        restricted.set(fate, { ...item, destinations, companions: alike?.companions ?? companions });
      }
      return [...restricted.values()];
    });
  },

  details({ destination, travel: { image, source, project }, edge: { digest, subject, tag, layer, says } }) {
    return { destination, image, digest, subject, tag, layer, says, source, project };
  },

  explain: () => undefined,

  name({ destination, tag, digest, says }) {
    const reference = tag === undefined ? `${destination}@${digest}` : `${destination}:${tag}@${digest}`;
    return says === undefined ? reference : `${reference} (${says})`;
  },

  host: ({ destination }) => splitRepository(destination).host,

  cause: () => undefined,
};
