import { copyText } from '@/lib/copy'
import { roomLink } from '@/lib/room-id'
import { toast } from '@/ui/toast'

export function copyRoomLink(roomId: string): Promise<boolean> {
  return copy(roomLink(roomId), 'link', 'Link copied. Send it to whoever should join.')
}

/** What to name to whoever runs the server, when something went wrong in a call. */
export function copyCallId(callId: string): Promise<boolean> {
  return copy(callId, 'call ID', 'Call ID copied. Send it along when you report trouble.')
}

async function copy(text: string, what: string, done: string): Promise<boolean> {
  const copied = await copyText(text)
  if (copied) toast(done)
  else toast(`Your browser did not allow copying. The ${what} is ${text}`, { forMs: 12_000 })
  return copied
}
