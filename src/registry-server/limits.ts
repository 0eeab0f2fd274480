import { limits } from "../oci/index.ts";

/** Bounds on what clients of the embedded registry may send or make it keep. */
export const serverLimits = {
  headerBytes: 16 * 1024,
  connections: 1024,
  /** Milliseconds between two looks at which of them are silent. */
  measuringMilliseconds: 1_000,
  /** Milliseconds that TLS may take to begin, and a request to be there with all its headers. */
  greetingMilliseconds: 30_000,
  /** Milliseconds a connection may be silent while a request is under way. */
  silenceMilliseconds: 300_000,
  bodyPatience: { milliseconds: 60_000, minBytesPerSecond: 1024 },
  /** Milliseconds that requests under way may still take once the server is told to close. */
  closingMilliseconds: 5_000,
  /** Bytes of one manifest or index. */
  manifestBytes: limits.manifestBytes,
  blobBytes: 64 * 1024 ** 3,
  /** Bytes of a request body that are still read, and thrown away, after the request was refused. */
  refusedBodyBytes: 16 * 1024 * 1024,
  /** Milliseconds in which that has to come. */
  refusedBodyMilliseconds: 10_000,
  /** Upload sessions open at once; those of processes that have ended are kept in the same number. */
  uploadSessions: 1_000,
  /** Upload sessions that one client may begin in one repository, and send nothing for, ... */
  idleUploads: 256,
  /** ... within so many milliseconds. */
  idleUploadMilliseconds: 60_000,
  /** Milliseconds after its last byte at which an upload session is given up. */
  uploadAgeMilliseconds: 24 * 60 * 60 * 1_000,
  /** Names in one page of a listing. */
  pageEntries: 10_000,
  /** Bytes of descriptors in one page of referrers: a page is an index, and an index is a manifest. */
  referrersPageBytes: limits.manifestBytes - 1024,
  /** Tags that one manifest may be put under in one request. */
  tagsPerPut: 50,
} as const;
