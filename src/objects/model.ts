/** Bytes that are put: opened once to be hashed, and once more for each attempt at sending them. */
export interface ObjectContent {
  readonly size: number;
  /** All of them, from the beginning; the same each time. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A part of an object: bytes from one on, up to another one that is not part of it, or to the end. */
export interface ObjectRange {
  readonly from: number;
  readonly to?: number | undefined;
}

/** An object that is read. */
export interface StoredObject {
  /** Bytes of the whole object, whatever part of it is read. */
  readonly size: number;
  /** To be read, or given up by ending the iteration: a connection may be held until then. Fails with an `ObjectError`. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What stands in a folder of a store: an object with its size, or a folder, whose path ends in a slash. */
export interface ListedObject {
  readonly path: string;
  readonly size: number | undefined;
}

/** What is listed. */
export interface ListOptions {
  /** All objects below the folder; without it what stands directly in it, folders as themselves. */
  readonly isDeep?: boolean | undefined;
  /** Only what comes behind this path. */
  readonly after?: string | undefined;
}

/**
 * Objects that can be read. A path has steps with slashes between them, none of them empty, `.` or `..`. All methods throw
 * `ObjectError`; that something is not there is an answer, that it could not be read an error.
 */
export interface ObjectReader {
  /** Where they are, for people: a folder, or an address. Paths of objects go on from it behind a slash. */
  readonly where: string;
  /** @returns `undefined` when there is no such object. */
  get(path: string, range?: ObjectRange): Promise<StoredObject | undefined>;
  /**
   * What stands in a folder, in the order of the bytes of paths: page by page, as it is asked for.
   * @param folder Empty, or a path that ends in a slash.
   */
  list(folder: string, options?: ListOptions): AsyncIterable<ListedObject>;
}

/** Objects of a folder or a bucket. */
export interface ObjectStore extends ObjectReader {
  /** Keeps an object, whole or not at all, in place of what had its path: it outlives a crash when this resolves. */
  put(path: string, content: string | Uint8Array | ObjectContent): Promise<void>;
  /** Takes an object away; that there is none is no failure. */
  delete(path: string): Promise<void>;
}
