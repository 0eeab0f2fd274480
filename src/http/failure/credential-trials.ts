/** One request that shows a credential, and how to tell what became of it. */
export interface Showing<Result, Refusal> {
  /** What it is shown for: one repository, or the scopes of a token. */
  readonly purpose: string;
  readonly run: () => Promise<Result>;
  /** The failure that a result means, when it is that the credential was refused for this purpose. */
  readonly refusalIn: (result: Result) => Refusal | undefined;
  /** Shows it once for no purpose but to be known: whether it is refused, or `undefined` when that is not said. */
  readonly isRefusedAnyway: () => Promise<boolean | undefined>;
}

interface Trial<Refusal> {
  isGood: boolean;
  /** Resolves when the request that is out there with it is over. */
  underWay: Promise<unknown> | undefined;
  readonly refusedFor: Set<string>;
  isRefusedAnyway: boolean | undefined;
  refusal: Refusal | undefined;
  /** Before, nobody shows it again. */
  notBefore: number;
}

/** Purposes that a credential is refused for before it is shown to nobody any more. */
const maxRefusals = 2;
/** Milliseconds after which a refused credential is shown once more: whoever refuses it may have been mistaken. */
const restFor = 60_000;

/**
 * Whether the credentials for one host are good, found out once for all: until one has been accepted it is shown by
 * one request at a time, because every wrong password counts towards the lock of an account. A refusal may be that
 * of one repository; it is the credential's when it is refused for nothing in particular, too. Two such, and no
 * request shows it any more.
 */
export class CredentialTrials<Refusal extends Error> {
  readonly #ofHost: (refusal: Refusal) => Refusal;
  readonly #trials = new Map<string, Trial<Refusal>>();

  /** @param ofHost Makes of the refusal of one request that of the credential itself, whatever is asked for. */
  constructor(ofHost: (refusal: Refusal) => Refusal) {
    this.#ofHost = ofHost;
  }

  /**
   * Shows a credential.
   * @param key What tells it from others.
   * @throws The refusal of the credential itself; whatever `run` throws.
   */
  async show<Result>(key: string, showing: Showing<Result, Refusal>): Promise<Result> {
    const trial: Trial<Refusal> = this.#trials.get(key) ?? {
      ...{ isGood: false, underWay: undefined, refusedFor: new Set() },
      ...{ isRefusedAnyway: undefined, refusal: undefined, notBefore: 0 },
    };
    this.#trials.set(key, trial);
    while (!trial.isGood) {
      if (trial.refusal !== undefined && performance.now() < trial.notBefore)
        throw this.#ofHost(trial.refusal);
      if (trial.underWay === undefined) {
        const trying = this.#try(trial, showing);
        const over = () => {
          trial.underWay = undefined;
        };
        trial.underWay = trying.then(over, over);
        return trying;
      }
      await trial.underWay;
    }
    return showing.run();
  }

  async #try<Result>(
    trial: Trial<Refusal>,
    { purpose, run, refusalIn, isRefusedAnyway }: Showing<Result, Refusal>,
  ): Promise<Result> {
    const result = await run();
    const refusal = refusalIn(result);
    if (refusal === undefined) {
      trial.isGood = true;
      return result;
    }
    trial.refusedFor.add(purpose);
    trial.isRefusedAnyway ??= (await isRefusedAnyway()) ?? false;
    if (!trial.isRefusedAnyway) {
      trial.isGood = true;
      return result;
    }
    if (trial.refusedFor.size >= maxRefusals) {
      trial.refusal = refusal;
      trial.notBefore = performance.now() + restFor;
    }
    throw this.#ofHost(refusal);
  }
}
