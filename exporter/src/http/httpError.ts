/** An answer that is not a success: what the client is told, and which status carries it. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly statusCode: number;
  /** Lower-case words with underscores, for programs (`not_found`, `too_old`). */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message for the client: what was found, what was expected, what to do. */
  constructor(
    statusCode: number,
    code: string,
    message: string,
    options: { cause?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.statusCode = statusCode;
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

/** The body of every error answer. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly requestId: string };
}

export function errorBody(code: string, message: string, requestId: string): ErrorBody {
  return { error: { code, message, requestId } };
}
