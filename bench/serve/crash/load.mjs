import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Jobs of a repository, as YAML: promotions of the first two share a mutex. */
export function jobsOf({ number, url, built }) {
  const job = (name, start, work) =>
    `- name: ${name}-${number}\n  repo: ${url}\n  ref: main\n  ${start}\n  ${work}\n`;
  const manifests = "{ manifests: registry }";
  const mutex = number < 2 ? "\n  mutex: production" : "";
  return [
    job("promote", "triggers: { branch: ^main$ }", `promote: ${manifests}${mutex}`),
    job("verify", `after: [promote-${number}]`, `verify: ${manifests}`),
    job("tagged", "triggers: { branch: ^v }", `verify: ${manifests}`),
    job("built", "triggers: { branch: ^b }", `build: { dir: app, project: bench, pushTo: ${built} }`),
    job("heard", `registry: { repository: events/number-${number}$ }`, `verify: ${manifests}`),
    job("asked", "triggers: { branch: ^never$ }", `verify: ${manifests}`),
  ].join("");
}

/** Pushes, delivers and asks all the time, until it is told to stop. What was answered, and what was sent, is counted. */
export class Load {
  pushes = 0;
  /** Names of deliveries of pushes that were accepted. */
  delivered = [];
  /** Deliveries of a registry that were accepted, by the number of the repository. */
  heard = new Map();
  replays = 0;
  resent = 0;
  /** Runs that the API has said are asked for. */
  answered = [];
  unanswered = 0;
  #world;
  #random;
  #told;
  #isOver = false;
  #parts = [];
  #deliveries = new Set();

  /** @param told How many pushes of ten a webhook tells of. */
  constructor(world, random, told = 7) {
    this.#world = world;
    this.#random = random;
    this.#told = told;
  }

  /** @param pace Milliseconds between two pushes, about; `builds`: between two tags that are built, without which there is none. */
  start(pace, builds) {
    const loop = async (milliseconds, step) => {
      while (!this.#isOver) {
        await step();
        await sleep(milliseconds * (0.5 + this.#random()));
      }
    };
    this.#parts = [
      loop(pace, () => this.push()),
      loop(pace * 2, () => this.hear()),
      loop(pace * 2, () => this.askByHand()),
      ...(builds === undefined ? [] : [loop(builds, () => this.pushBuild())]),
    ];
  }

  /** Stops, and waits until all that was to be delivered is. */
  async stop() {
    this.#isOver = true;
    await Promise.all(this.#parts);
    await Promise.all(this.#deliveries);
  }

  #one() {
    const { repositories } = this.#world;
    return repositories[Math.floor(this.#random() * repositories.length)];
  }

  async push() {
    const repository = this.#one();
    const isTag = this.#random() < 0.4;
    const ref = isTag ? await repository.pushTag() : "refs/heads/main";
    if (!isTag) await repository.pushImages(1 + Math.floor(this.#random() * 2));
    this.#tell(repository, ref);
  }

  async pushBuild() {
    const repository = this.#one();
    this.#tell(repository, await repository.pushBuild());
  }

  #tell(repository, ref) {
    this.pushes += 1;
    if (this.#random() * 10 >= this.#told) return;
    const id = randomUUID();
    const headers = { "x-gitea-event": "push", "x-gitea-event-type": "push" };
    const content = { ref, repository: { clone_url: repository.url, html_url: repository.url } };
    this.#deliver({ id, headers, content }, () => this.delivered.push(id));
  }

  /** A registry tells of a push. */
  async hear() {
    const { number } = this.#one();
    const id = randomUUID();
    const target = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      repository: `events/number-${number}`,
    };
    const event = {
      id,
      action: "push",
      target: { ...target, tag: "latest" },
      request: { host: "registry.example.org" },
    };
    this.#deliver({ id, content: { events: [event] } }, () =>
      this.heard.set(number, [...(this.heard.get(number) ?? []), id]),
    );
  }

  #deliver(delivery, onAccepted) {
    const delivering = (async () => {
      const sent = await this.#world.deliver(delivery);
      this.resent += sent - 1;
      onAccepted();
      if (this.#random() >= 0.1) return;
      this.replays += 1;
      await this.#world.deliver(delivery);
    })().finally(() => this.#deliveries.delete(delivering));
    this.#deliveries.add(delivering);
  }

  async askByHand() {
    const { number } = this.#one();
    const answer = await this.#world.ask("POST", `/jobs/asked-${number}/runs`, {});
    if (answer?.id === undefined) this.unanswered += 1;
    else this.answered.push(answer.id);
  }
}
