/** One request to the server: JSON in, JSON out, every failure a named error. */
import { ApiError, OfflineError } from './errors'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface RequestOptions {
  readonly body?: unknown
  readonly token?: string | null
  readonly deviceId?: string
  /** Opens a room to its holder. A header, because addresses end up in logs. */
  readonly invitation?: string | null
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>

/** Every call goes below /api/, so that it never meets a page of the client. */
const PREFIX = '/api'

export async function request<T>(
  fetcher: Fetch,
  method: Method,
  path: string,
  { body, token, deviceId, invitation }: RequestOptions = {},
): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (token) headers['Authorization'] = `Bearer ${token}`
  if (deviceId) headers['X-Device-ID'] = deviceId
  if (invitation) headers['X-Invitation'] = invitation
  let response: Response
  try {
    response = await fetcher(`${PREFIX}${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch {
    throw new OfflineError()
  }
  if (!response.ok) throw await toError(response)
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch {
    throw new ApiError(response.status, 'bad_answer', 'The server’s answer could not be read.')
  }
}

async function toError(response: Response): Promise<ApiError | OfflineError> {
  const body: unknown = await response.json().catch(() => null)
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10)
  const wait = Number.isNaN(retryAfter) ? null : retryAfter
  if (typeof body === 'object' && body !== null && 'code' in body && 'error' in body) {
    const requestId = 'request_id' in body ? String(body.request_id) : ''
    return new ApiError(response.status, String(body.code), String(body.error), requestId, wait)
  }
  // Not from the application: a proxy in front of it says that it cannot be reached.
  if (response.status >= 502 && response.status <= 504) return new OfflineError()
  return new ApiError(
    response.status,
    `http_${response.status}`,
    'Something went wrong. Try again.',
    '',
    wait,
  )
}
