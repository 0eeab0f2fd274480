import type { Descriptor, Digest } from "../oci/index.ts";

/** What builds images on this machine: programs, and Waybill itself where nothing is run (`scratch`). */
export type LocalEngineName = "docker" | "podman" | "buildah" | "scratch";
/** Everything that a build can be given to; `plan` executes nothing. */
export type EngineName = LocalEngineName | "gcb" | "plan";

/** One that was found to work here. */
export interface Engine {
  readonly name: LocalEngineName;
  /** What it says of itself: `1.28.2`. */
  readonly version: string;
  /**
   * A place in it for one build. What two builds make there at the same time under the same names does not meet,
   * as far as the program allows.
   * @param folder Empty, for files of the engine's own; removed by whoever gave it, after `close`.
   */
  open(folder: string): Promise<Workshop>;
}

/** Why there is no engine of a kind here. */
export interface EngineAbsence {
  /** Part of a sentence. */
  readonly reason: string;
  /** What to do about it. */
  readonly hint: string;
}

/** One build's place in an engine. Methods throw {@link BuildError} and `AbortError`; they may be called side by side. */
export interface Workshop {
  /** Does one thing to its end, or until the signal is given: then its processes and containers have ended as well. */
  perform(action: EngineAction, io: ActionIo): Promise<ActionEnd>;
  /**
   * Writes an image, or an index with its images, into an empty folder as an OCI image layout with one root.
   * `undefined` when there is no image of that name here: nothing is pulled.
   */
  export(image: string, folder: string, io: ActionIo): Promise<ExportedImage | undefined>;
  /** Removes what the build left: containers, volumes, images of its own. Never throws. */
  close(): Promise<void>;
}

/** What a step comes down to. Names of images are as the Cloud Build file writes them. */
export type EngineAction = ImageBuild | ImageTag | ContainerRun;

/** `docker build`, understood. */
export interface ImageBuild {
  readonly kind: "build";
  /** On this machine, absolute. */
  readonly context: string;
  /** On this machine, absolute. */
  readonly dockerfile: string;
  /** How people know the two, where the paths are those of a copy. */
  readonly known?: { readonly context: string; readonly dockerfile: string } | undefined;
  readonly tags: readonly string[];
  readonly buildArgs: readonly string[];
  readonly labels: readonly string[];
  readonly target?: string | undefined;
  /** As `linux/arm64`; of two or more, the tags name an index. None: that of this machine. */
  readonly platforms: readonly string[];
  readonly pull: boolean;
  readonly noCache: boolean;
}

/** `docker tag`, understood. */
export interface ImageTag {
  readonly kind: "tag";
  readonly source: string;
  readonly target: string;
}

/** A step in a container. */
export interface ContainerRun {
  readonly kind: "run";
  /** Used as it is if an earlier step built it, else pulled. */
  readonly image: string;
  /** Replaces the image's entrypoint. */
  readonly entrypoint?: string | undefined;
  readonly args: readonly string[];
  /** With the secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of variables in `env` that must not stand on a command line, where other users see them. */
  readonly secretEnv: readonly string[];
  /** Absolute, in the container. */
  readonly dir: string;
  /** Folders of this machine, by where they are in the container. */
  readonly mounts: Readonly<Record<string, string>>;
}

/** Where the output of an action goes, and what ends it early. */
export interface ActionIo {
  /** Bytes as the programs write them, both streams. */
  readonly output: (chunk: Uint8Array) => void;
  readonly signal: AbortSignal;
}

/** How an action ended. */
export interface ActionEnd {
  readonly exitCode: number;
  /** What the image of a container run is, where the engine knows it. */
  readonly image?: { readonly name: string; readonly digest: Digest } | undefined;
}

/** An image in a folder. */
export interface ExportedImage {
  readonly root: Descriptor;
  readonly folder: string;
}
