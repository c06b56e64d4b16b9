import { Check, Copy, Share2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { Room } from '@/api/types'
import { copyRoomLink } from '@/features/rooms/copy-link'
import { roomLink } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { useCallServices } from './call-context'

/** Nobody else is here: the one useful thing is the link. */
export function AloneCard() {
  const { room } = useCallServices()
  const [copied, setCopied] = useState(false)
  const link = roomLink(room.roomId)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 2_500)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <section
      aria-labelledby="alone"
      className="appear absolute inset-x-4 bottom-14 z-10 mx-auto max-w-md sm:bottom-8 rounded-lg border border-border bg-surface p-6 text-center shadow-lg"
    >
      <h2 id="alone" className="text-lg font-semibold">
        You’re the only one here
      </h2>
      <p className="mt-1 text-pretty text-muted">Send this link. {describeEntry(room)}</p>
      <p className="mt-4 truncate rounded-md bg-surface-2 px-3 py-2.5 font-mono text-sm">
        {link.replace(/^https?:\/\//, '')}
      </p>
      <div className="mt-3 flex gap-2">
        <Button
          variant="primary"
          size="lg"
          className="flex-1"
          onClick={() => void copyRoomLink(room.roomId).then(setCopied)}
        >
          {copied ? <Check aria-hidden /> : <Copy aria-hidden />} {copied ? 'Copied' : 'Copy link'}
        </Button>
        {'share' in navigator && (
          <Button
            size="lg"
            aria-label="Share link"
            onClick={() =>
              void navigator.share({ title: room.name || 'Video call', url: link }).catch(() => undefined)
            }
          >
            <Share2 aria-hidden />
          </Button>
        )}
      </div>
    </section>
  )
}

/** What happens to whoever opens the link. */
function describeEntry({ guestsAllowed, lobby, passwordRequired }: Room): string {
  const password = passwordRequired ? ' They need the password too.' : ''
  if (!guestsAllowed) return `People need to be signed in to join.${password}`
  return lobby === 'off'
    ? `Whoever opens it types a name${passwordRequired ? ' and the password,' : ''} and is in.`
    : `You let people in when they knock.${password}`
}
