/** What the server answered instead of what was asked for. */
export class ApiError extends Error {
  readonly status: number;
  /** The server's name of the kind of failure, as `NameExistsError`. */
  override readonly name: string;
  readonly details: { message: string; path?: string | undefined }[];
  /** With 412: what the thing is now. */
  readonly current: unknown;
  /** With 412: its revision. */
  readonly etag: string | null;

  constructor(status: number, body: unknown, etag: string | null = null) {
    const told = (typeof body === 'object' && body !== null ? body : {}) as {
      name?: string;
      message?: string;
      details?: { message: string; path?: string }[];
      current?: unknown;
    };
    // The message of invalid data only points at its details.
    super(told.details?.map(({ message }) => message).join(' ') || (told.message ?? inWords(status)));
    this.status = status;
    this.name = told.name ?? 'Error';
    this.details = told.details ?? [];
    this.current = told.current;
    this.etag = etag;
  }

  /** What is wrong with one field of the request's body, by its dotted name. */
  fieldMessages(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { message, path } of this.details) {
      const field = path?.replace(/^\/body\/?/, '').replaceAll('/', '.');
      if (field && !(field in found)) found[field] = message;
    }
    return found;
  }
}

function inWords(status: number): string {
  if (status === 0) return 'The server cannot be reached.';
  if (status === 401) return 'You are signed out.';
  if (status === 403) return 'You may not do this.';
  if (status === 404) return 'This does not exist, or no longer.';
  if (status === 503) return 'The server cannot store changes just now. Nothing was changed.';
  return `The server answered with status ${status}.`;
}

/** A text for people, whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
