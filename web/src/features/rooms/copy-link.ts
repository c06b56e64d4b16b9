import { copyText } from '@/lib/copy'
import { roomLink } from '@/lib/room-id'
import { toast } from '@/ui/toast'

export async function copyRoomLink(roomId: string): Promise<boolean> {
  const copied = await copyText(roomLink(roomId))
  if (copied) toast('Link copied. Send it to whoever should join.')
  else toast(`Your browser did not allow copying. The link is ${roomLink(roomId)}`, { forMs: 12_000 })
  return copied
}
