/** An event as a platform pushes it. */
export interface PushedEvent {
  readonly id: string;
  readonly source: string;
  readonly kind: string;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface PushAnswer {
  readonly status: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly index: number; readonly id?: string; readonly reason: string }[];
  readonly retryAfter: string | null;
}

/** Pushes once. @throws where the connection breaks: what became of the events is not known then. */
export async function pushEvents(url: string, token: string, events: readonly PushedEvent[]): Promise<PushAnswer> {
  const response = await fetch(`${url}/api/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events }),
  });
  const body = (await response.json()) as Partial<PushAnswer>;
  return {
    status: response.status,
    accepted: body.accepted ?? 0,
    duplicates: body.duplicates ?? 0,
    rejected: body.rejected ?? [],
    retryAfter: response.headers.get('retry-after'),
  };
}
