/** Questions of one line that wait at the same time. */
const maxWaiting = 16;
/** Lines whose failures are remembered. */
const rememberedLines = 10_000;

interface Waiting {
  readonly line: string;
  readonly start: () => Promise<void>;
}

/** What is slow and asked for by anybody, one at a time: first those who have failed least, then those who came first. */
export function createLoginQueue() {
  const waiting: Waiting[] = [];
  const failures = new Map<string, number>();
  let isBusy = false;
  let milliseconds = 0;

  function count(line: string, right: boolean): void {
    const failed = failures.get(line) ?? 0;
    failures.delete(line);
    if (right) return;
    const [oldest] = failures.keys();
    if (failures.size >= rememberedLines && oldest !== undefined) failures.delete(oldest);
    failures.set(line, failed + 1);
  }

  async function work(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    try {
      while (waiting.length > 0) {
        const failed = waiting.map(({ line }) => failures.get(line) ?? 0);
        const [next] = waiting.splice(failed.indexOf(Math.min(...failed)), 1);
        await next?.start();
      }
    } finally {
      isBusy = false;
    }
  }

  return {
    /** How long one takes, in milliseconds. */
    get milliseconds() {
      return milliseconds;
    },
    /**
     * @param line Who asks: questions of a line are asked in their order.
     * @returns What the work returns; `undefined` when too many of the same line are waiting already.
     */
    run(line: string, question: () => Promise<boolean>): Promise<boolean | undefined> {
      if (waiting.filter((one) => one.line === line).length >= maxWaiting) return Promise.resolve(undefined);
      return new Promise((resolve, reject) => {
        const start = async () => {
          const started = performance.now();
          try {
            const right = await question();
            count(line, right);
            resolve(right);
          } catch (thrown) {
            reject(thrown);
          }
          milliseconds = performance.now() - started;
        };
        waiting.push({ line, start });
        void work();
      });
    },
  };
}
