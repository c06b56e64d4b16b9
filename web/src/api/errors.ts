/** What can go wrong with a request, and the plain words for it. */

/** The server answered with an error. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly requestId: string
  readonly retryAfterSeconds: number | null

  constructor(
    status: number,
    code: string,
    message: string,
    requestId = '',
    retryAfterSeconds: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.requestId = requestId
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** There was no answer. */
export class OfflineError extends Error {
  constructor() {
    super('The server did not answer.')
    this.name = 'OfflineError'
  }
}

const WORDS: Readonly<Record<string, string>> = {
  bad_credentials: 'That username and password don’t match. Check both and try again.',
  username_taken: 'Someone already has that username. Try another one.',
  room_exists: 'A room with that name already exists. Try another one.',
  room_not_found: 'There is no such room any more.',
  invitation_invalid: 'This invitation no longer works. Ask the person who sent it for a new one.',
  invitation_not_found: 'That invitation has already ended.',
  ban_not_found: 'That ban has already been lifted.',
  user_not_found: 'There is nobody with that username. Check how they write it.',
  already_recording: 'This call is already being recorded.',
  room_empty: 'Nobody is in the call, so there is nothing to record.',
  recording_not_found: 'That recording is already gone.',
  recording_not_ready: 'That recording is not finished yet.',
  recorders_busy: 'This server records as many calls as it can right now. Try again later.',
  too_many_recordings: 'You have as many recordings as you can keep. Delete one first.',
  quota_exceeded: 'There is no space left for recordings on this server. Delete some first.',
  storage_full: 'The disk of this server is nearly full. Tell the person who runs it.',
  session_not_found: 'That device is already signed out.',
  unauthenticated: 'You are signed out. Sign in again.',
  token_expired: 'You are signed out. Sign in again.',
  refresh_invalid: 'You are signed out. Sign in again.',
  forbidden: 'You are not allowed to do that.',
  csrf: 'This address may not sign in here. Open Chatter at its usual address.',
  unavailable: 'The server is having trouble right now. Try again in a moment.',
  busy: 'Many people are signing in right now. Try again in a moment.',
  draining: 'The server is restarting. Try again in a moment.',
  internal_error: 'Something went wrong on the server. Try again; if it stays, tell the person who runs it.',
}

export function isApiError(error: unknown, code?: string): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code)
}

/** Say in plain words what happened and what to do. */
export function describeError(error: unknown): string {
  if (error instanceof OfflineError) return 'We can’t reach the server. Check your connection and try again.'
  if (!(error instanceof ApiError)) return 'Something went wrong. Try again.'
  if (error.code === 'rate_limited') {
    const seconds = error.retryAfterSeconds
    return seconds === null
      ? 'Too many tries. Wait a little and try again.'
      : `Too many tries. Try again in ${seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`}.`
  }
  // A validation error names the field in words of its own.
  return WORDS[error.code] ?? error.message
}

/** The small print for support: stable code and request id. */
export function errorReference(error: unknown): string {
  if (!(error instanceof ApiError)) return ''
  return error.requestId ? `${error.code} · ${error.requestId}` : error.code
}
