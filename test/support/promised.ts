/** A promise that somebody else keeps. */
export interface Promised<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
}

export function promised<Value>(): Promised<Value> {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((kept) => {
    resolve = kept;
  });
  return { promise, resolve };
}
