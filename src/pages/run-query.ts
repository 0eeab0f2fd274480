/** What a list of runs is limited to, by the names that Prow's page has for it. */
export const runFilters = ["job", "type", "repo", "pull", "author", "state", "cluster"] as const;

/** How a list is sorted, by what the page calls it. */
export const sorts = {
  newest: "Newest first",
  oldest: "Oldest first",
  longest: "Longest first",
  turn: "Next to start",
};

/** States that a filter knows, and what they are to the API. */
const states: Readonly<Record<string, string>> = {
  ...{ running: "running", waiting: "waiting", held: "held" },
  ...{ success: "SUCCESS", failure: "FAILURE", error: "ERROR", aborted: "ABORTED" },
  // As Prow calls them.
  ...{ pending: "running", triggered: "waiting", scheduling: "waiting" },
};

/** What the filters of a page are called in the API. */
const filterNames = {
  ...{ job: "job", type: "type", repo: "repo", pull: "pull", author: "author", cluster: "machine" },
  ...{ state: "status", search: "search", since: "since", until: "until" },
} as const;

/**
 * What the API is asked for runs with, for the address of a page. A filter may be there several times, or have several words with commas
 * between them; what the API does not know it refuses, so that no filter lets everything through.
 */
export function runQueryOf(search: URLSearchParams): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, filter] of Object.entries(filterNames)) {
    const words = search
      .getAll(name)
      .flatMap((value) => (name === "search" ? [value] : value.split(",")))
      .map((word) => word.trim())
      .filter((word) => word !== "");
    if (words.length > 0) query[filter] = words.map((word) => wordOf(name, word)).join(",");
  }
  // Prow's page finds jobs by a part of their name.
  if (query.job !== undefined && /[^A-Za-z0-9._,*-]/.test(query.job)) {
    query.search = [query.search, ...query.job.split(/[^A-Za-z0-9._-]+/)].filter((word) => word).join(" ");
    delete query.job;
  }
  return query;
}

/** The order and the place of the page of a list. */
export function runPlaceOf(search: URLSearchParams): Record<string, string | undefined> {
  const place = (name: string): string | undefined => {
    const word = search.get(name);
    return word === null || word === "" ? undefined : word;
  };
  return { order: place("sort"), after: place("after"), before: place("before") };
}

function wordOf(name: string, word: string): string {
  if (name === "state") return states[word.toLowerCase()] ?? word;
  // As Prow has it: without the host.
  return name === "repo" && !/^\*|:/.test(word) ? `*/${word}` : word;
}
