/** Lets one loop wait until somebody has news for it, or for so long. News that came before it waits is not lost. */
export class Wake {
  #isDue = false;
  #end: (() => void) | undefined;

  /** Ends the wait that goes on, or the next one. */
  wake(): void {
    this.#isDue = true;
    this.#end?.();
  }

  /** @param milliseconds Without it, only news ends it. */
  async wait(milliseconds?: number): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const timer = milliseconds === undefined ? undefined : setTimeout(resolve, milliseconds);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#end = undefined;
    }
    this.#isDue = false;
  }
}
