/** The address a call connects to: with a fresh single-use ticket for people who are signed in. */
import { RefusedError, type Need } from '@/call/signaling'
import type { Api } from './client'
import { ApiError } from './errors'

/**
 * Make the address for the next connection. A session that is resumed knows who we are.
 *
 * @throws RefusedError when the person was signed out: asking again would not help.
 */
export async function roomAddress(
  api: Pick<Api, 'takeTicket'>,
  wsUrl: string,
  signedIn: boolean,
  need: Need = { resume: false, refresh: false },
): Promise<string> {
  if (!signedIn || (need.resume && !need.refresh)) return wsUrl
  try {
    const { ticket } = await api.takeTicket()
    const url = new URL(wsUrl)
    url.searchParams.set('ticket', ticket)
    return url.href
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) throw new RefusedError('signed_out')
    throw error
  }
}
