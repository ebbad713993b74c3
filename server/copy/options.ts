/** How far a copy goes. */
export interface CopyBounds {
  /** Links from the start: 0 copies one page with what it shows. */
  depth: number;
  /** Pages, which are what links lead to; what a page shows comes with it. */
  pages: number;
  /** Bytes of all files. */
  bytes: number;
  /** Bytes of one file. */
  fileBytes: number;
}

/** Options of `copySite`. */
export interface CopyOptions extends CopyBounds {
  /** Requests at a time. */
  concurrency: number;
  /** Least time between the starts of two requests (ms). */
  delay: number;
  /** Time for one request, body included (ms). */
  timeout: number;
  /** Stops the copy in order; it can go on later. */
  signal: AbortSignal;
  /** Told whenever there is something new; the object is the same one each time. */
  onProgress?: (progress: Readonly<CopyProgress>) => void;
  /** What else there is to tell. */
  onNotice?: (notice: string) => void;
}

export const COPY_DEFAULTS = {
  depth: 5,
  pages: 1000,
  bytes: 1024 ** 3,
  fileBytes: 64 * 1024 ** 2,
  concurrency: 8,
  delay: 0,
  timeout: 60_000,
} as const satisfies Omit<CopyOptions, 'signal'>;

export interface CopyProgress {
  /** Addresses that were asked, or need not be asked again. */
  done: number;
  /** Addresses that wait or are being asked. */
  queued: number;
  failed: number;
  /** Bytes received in this run, inflated. */
  bytes: number;
}

/** Something that could not be copied. */
export interface CopyProblem {
  url: string;
  /** What follows the name: "answered 404". */
  reason: string;
}

/** What came of a copy. */
export interface CopySummary {
  url: string;
  /** The folder. */
  directory: string;
  /** The file to open, inside the folder. */
  index: string;
  /** Stopped by its signal; the next run goes on from there. */
  interrupted: boolean;
  /** Pages and other files that the copy consists of. */
  pages: number;
  files: number;
  /** Of these, how many came anew, and how many the server or the run before had said are up to date. */
  fetched: number;
  unchanged: number;
  /** Bytes received, inflated. */
  bytes: number;
  /** Addresses that were left out. */
  skipped: { robots: number; bounds: number };
  problems: CopyProblem[];
  /** Milliseconds. */
  elapsed: number;
}
