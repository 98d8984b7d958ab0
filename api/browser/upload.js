/*
 * Uploads files to a Windlass gateway: as a whole or in parts side by side, with progress, pause, resumption after a
 * reload, retries and cancellation. Depends on nothing.
 *
 * The key of a project does not belong into a page. So the calls of the API go through `api`, a function of yours that
 * has a server of yours make them; or, to try things out, through `direct(base, key)`.
 */

/** Up to this size a file goes as a whole. */
const WHOLE_BYTES_MAX = 10 * 1024 * 1024;
/** Parts that are under way at once. */
const PARTS_AT_ONCE = 4;
/** Attempts at each request. */
const ATTEMPTS = 6;
/** Part numbers that fresh links are asked for at once. */
const LINKS_AT_ONCE = 100;

/** What the API refused. */
export class UploadError extends Error {
  constructor(code, message, status) {
    super(message);
    this.name = "UploadError";
    this.code = code;
    this.status = status;
  }
}

/** Calls the API with a key: for tests and demos, where whoever sees the page may have the key. */
export function direct(base, key) {
  return async (method, path, body, signal) => {
    const answer = await fetch(`${base}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", "x-api-key": key },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    const document = await answer.json().catch(() => ({}));
    if (answer.ok) return document;
    const told = document.error ?? {};
    throw new UploadError(told.code ?? "UNKNOWN", told.message ?? `status ${answer.status}`, answer.status);
  };
}

/** Begins to upload a file, or goes on with what was begun before. */
export function upload(file, options) {
  return new Upload(file, options);
}

/** An upload under way. `done` is settled with the file, or with why there is none. */
export class Upload {
  #file;
  #api;
  #options;
  #storage;
  #stopped = new AbortController();
  #cancelled = false;
  #sent = new Map();
  #state = "uploading";
  #begun = null;

  constructor(file, options) {
    if (typeof options?.api !== "function") throw new TypeError("options.api must be a function");
    this.#file = file;
    this.#api = options.api;
    this.#options = options;
    this.#storage = options.storage === undefined ? globalThis.localStorage : options.storage;
    let settle;
    this.done = new Promise((resolve, reject) => (settle = { resolve, reject }));
    this.done.catch(() => {});
    this.#settle = settle;
    this.#run();
  }

  #settle;

  /** `uploading`, `paused`, `done`, `failed` or `cancelled`. */
  get state() {
    return this.#state;
  }

  /** Stops until `resume`; parts that have arrived stay. */
  pause() {
    if (this.#state !== "uploading") return;
    this.#become("paused");
    this.#stopped.abort();
  }

  /** Goes on. */
  resume() {
    if (this.#state !== "paused") return;
    this.#stopped = new AbortController();
    this.#become("uploading");
    this.#run();
  }

  /** Gives the upload up, and what has arrived of it. */
  async cancel() {
    if (this.#state === "done" || this.#state === "failed" || this.#state === "cancelled") return;
    this.#cancelled = true;
    this.#become("cancelled");
    this.#stopped.abort();
    this.#forget();
    this.#settle.reject(new UploadError("CANCELLED", "The upload was cancelled", 0));
    if (this.#begun?.uploadId) {
      const { fileId, uploadId } = this.#begun;
      await this.#api("POST", "/upload/multipart/abort", { fileId, uploadId }).catch(() => {});
    }
  }

  #become(state) {
    this.#state = state;
    this.#options.onState?.(state);
  }

  async #run() {
    const signal = this.#stopped.signal;
    try {
      const inParts = this.#file.size > WHOLE_BYTES_MAX;
      const file = inParts ? await this.#inParts(signal) : await this.#asAWhole(signal);
      this.#forget();
      this.#progress(this.#file.size);
      this.#become("done");
      this.#settle.resolve(file);
    } catch (error) {
      if (signal.aborted) return;
      this.#become("failed");
      if (error?.code === "UPLOAD_NOT_FOUND" || error?.code === "UPLOAD_NOT_VERIFIED") this.#forget();
      this.#settle.reject(error);
    }
  }

  #announcement() {
    return {
      fileName: this.#file.name,
      fileSize: this.#file.size,
      contentType: this.#file.type || "application/octet-stream",
      routeSlug: this.#options.route,
      metadata: this.#options.metadata,
    };
  }

  async #asAWhole(signal) {
    const announcement = this.#announcement();
    const begun = await this.#call("POST", "/upload/request", announcement, signal);
    const headers = { "content-type": announcement.contentType };
    await this.#put(() => begun.uploadUrl, this.#file, headers, signal, (sent) => this.#progress(sent));
    return this.#call("POST", "/upload/complete", { fileId: begun.fileId }, signal);
  }

  async #inParts(signal) {
    const { begun, stored } = (await this.#remembered(signal)) ?? (await this.#beginParts(signal));
    this.#begun = begun;
    const count = Math.ceil(this.#file.size / begun.partSize);
    const arrived = new Map(stored.map((part) => [part.partNumber, part.etag]));
    this.#sent = new Map(stored.map((part) => [part.partNumber, part.size]));
    this.#tellParts();
    const left = [];
    for (let number = 1; number <= count; number++) if (!arrived.has(number)) left.push(number);
    const links = new Map((begun.parts ?? []).map((part) => [part.partNumber, part.uploadUrl]));
    const next = left[Symbol.iterator]();
    // One part that fails for good ends the others: nobody waits for them.
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const worker = async () => {
      for (const number of next) arrived.set(number, await this.#sendPart(number, links, left, either));
    };
    const workers = Array.from({ length: Math.min(PARTS_AT_ONCE, left.length) }, worker);
    await Promise.all(workers).finally(() => failed.abort());
    const parts = Array.from({ length: count }, (_, at) => ({ partNumber: at + 1, etag: arrived.get(at + 1) }));
    const { fileId, uploadId } = begun;
    return this.#call("POST", "/upload/multipart/complete", { fileId, uploadId, parts }, signal);
  }

  async #beginParts(signal) {
    const begun = await this.#call("POST", "/upload/multipart/init", this.#announcement(), signal);
    const { fileId, uploadId, partSize } = begun;
    this.#remember({ fileId, uploadId, partSize });
    return { begun, stored: [] };
  }

  /** What was begun before a reload, with the parts that have arrived; nothing if it is over. */
  async #remembered(signal) {
    let known = this.#begun;
    try {
      known ??= JSON.parse(this.#storage?.getItem(this.#name()) ?? "null");
    } catch {
      known = null;
    }
    if (!known) return null;
    try {
      const stored = await this.#call("GET", `/upload/multipart/${known.fileId}/parts`, undefined, signal);
      return { begun: { fileId: known.fileId, uploadId: stored.uploadId, partSize: stored.partSize }, stored: stored.parts };
    } catch (error) {
      if (error?.code !== "UPLOAD_NOT_FOUND") throw error;
      this.#forget();
      return null;
    }
  }

  async #sendPart(number, links, left, signal) {
    const { fileId, uploadId, partSize } = this.#begun;
    const body = this.#file.slice((number - 1) * partSize, Math.min(number * partSize, this.#file.size));
    const link = async (fresh) => {
      if (fresh) links.delete(number);
      if (!links.has(number)) {
        const partNumbers = left.filter((other) => other >= number && !links.has(other)).slice(0, LINKS_AT_ONCE);
        const { parts } = await this.#call("POST", "/upload/multipart/urls", { fileId, uploadId, partNumbers }, signal);
        for (const part of parts) links.set(part.partNumber, part.uploadUrl);
      }
      return links.get(number);
    };
    const etag = await this.#put(link, body, {}, signal, (sent) => {
      this.#sent.set(number, sent);
      this.#tellParts();
    });
    this.#options.onPart?.(number);
    return etag;
  }

  #tellParts() {
    let sum = 0;
    for (const sent of this.#sent.values()) sum += sent;
    this.#progress(sum);
  }

  #progress(sent) {
    this.#options.onProgress?.({ sent: Math.min(sent, this.#file.size), total: this.#file.size });
  }

  /** Calls the API, again if that may help. */
  #call(method, path, body, signal) {
    return this.#again(signal, () => this.#api(method, path, body, signal));
  }

  /** PUTs a body to a link, again if that may help; a link that has ended is asked for anew. Returns the entity tag. */
  #put(link, body, headers, signal, onSent) {
    return this.#again(signal, async (attempt, last) => {
      const url = await link(attempt > 0 && last?.status === 403);
      try {
        return await send(url, body, headers, signal, onSent);
      } catch (error) {
        onSent(0);
        throw error;
      }
    }, 403);
  }

  async #again(signal, attempt, alsoOn) {
    let last;
    for (let count = 0; ; count++) {
      signal.throwIfAborted();
      try {
        return await attempt(count, last);
      } catch (error) {
        last = error;
        const status = error?.status ?? 0;
        const hopeful = status === 0 || status === 408 || status === 429 || status >= 500 || (status === alsoOn && count < 2);
        if (signal.aborted || !hopeful || count + 1 >= ATTEMPTS) throw error;
        await pause(Math.min(500 * 2 ** count, 15_000) * (0.5 + Math.random() / 2), signal);
      }
    }
  }

  /** A name under which this very file is found again after a reload. */
  #name() {
    const { name, size, lastModified } = this.#file;
    return `windlass-upload:${this.#options.route}:${name}:${size}:${lastModified ?? 0}`;
  }

  #remember(begun) {
    try {
      this.#storage?.setItem(this.#name(), JSON.stringify(begun));
    } catch {
      // Without room there is no resumption after a reload, and all else goes on.
    }
  }

  #forget() {
    try {
      this.#storage?.removeItem(this.#name());
    } catch {
      // As above.
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

/** PUTs a body; only XMLHttpRequest tells how much of it has gone. */
function send(url, body, headers, signal, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const fail = (status) => reject(new UploadError("PUT_FAILED", `The upload failed with status ${status}`, status));
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => {
      if (request.status < 200 || request.status >= 300) return fail(request.status);
      onSent(body.size);
      resolve((request.getResponseHeader("etag") ?? "").replaceAll('"', ""));
    };
    request.onerror = () => fail(0);
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    request.send(body);
  });
}
