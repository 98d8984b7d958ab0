/** What the API refused, or `CANCELLED`, or `PUT_FAILED` where the storage refused. */
export declare class UploadError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status: number);
}

/** Calls the API: `path` is behind `/api/v1`. Rejects with an `UploadError`, or with any error for what is worth another try. */
export type Api = (
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  signal?: AbortSignal,
) => Promise<any>;

/** Calls the API with a key: for tests and demos. */
export declare function direct(base: string, key: string): Api;

export type UploadState = "uploading" | "paused" | "done" | "failed" | "cancelled";

export interface UploadOptions {
  /** Calls the API, by way of a server of yours that has the key. */
  api: Api;
  /** The slug of the route. */
  route: string;
  /** What is to be kept with the file. */
  metadata?: Record<string, unknown>;
  /** Bytes that have gone, and all bytes. */
  onProgress?: (progress: { sent: number; total: number }) => void;
  /** A part has arrived. */
  onPart?: (number: number) => void;
  onState?: (state: UploadState) => void;
  /** Where it is noted what was begun, so that it goes on after a reload; `null` is nowhere. Without it `localStorage`. */
  storage?: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null;
}

export interface UploadedFile {
  id: string;
  key: string;
  url: string;
  fileName: string;
  fileSize: number;
  contentType: string;
  status: "UPLOADED";
  metadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}

/** An upload under way. */
export declare class Upload {
  constructor(file: File, options: UploadOptions);
  /** Settled with the file, or with why there is none. */
  readonly done: Promise<UploadedFile>;
  readonly state: UploadState;
  /** Stops until `resume`; parts that have arrived stay. */
  pause(): void;
  resume(): void;
  /** Gives the upload up, and what has arrived of it. */
  cancel(): Promise<void>;
}

/** Begins to upload a file, or goes on with what was begun before. */
export declare function upload(file: File, options: UploadOptions): Upload;
