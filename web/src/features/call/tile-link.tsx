/** What a tile says about the ways to someone: to the server (signal) and between us (media). Two different things. */
import { LoaderCircle, TriangleAlert, Unplug } from 'lucide-react'
import type { Member } from '@/call/types'
import { cn } from '@/lib/cn'

/** The words for a tile; null when all is well. */
export function describeLink({
  displayName,
  link,
  signal,
}: Pick<Member, 'displayName' | 'link' | 'signal'>): {
  readonly kind: 'mediaLost' | 'signalLost' | 'connecting'
  readonly words: string
  readonly short: string
} | null {
  if (link === 'lost') {
    return {
      kind: 'mediaLost',
      words: `No picture or sound from ${displayName} right now. Trying again.`,
      short: 'No picture or sound',
    }
  }
  // Picture and sound go on without the server: worth a hint, no more.
  if (signal === 'lost') return { kind: 'signalLost', words: 'Reconnecting…', short: 'Reconnecting…' }
  return link === 'connecting' ? { kind: 'connecting', words: 'Connecting…', short: 'Connecting…' } : null
}

const ICONS = {
  mediaLost: <TriangleAlert aria-hidden />,
  signalLost: <Unplug aria-hidden />,
  connecting: <LoaderCircle aria-hidden className="turn" />,
}

export function LinkHint({ member, narrow }: { member: Member; narrow: boolean }) {
  const said = describeLink(member)
  return (
    <div role="status" className="pointer-events-none absolute inset-x-2 top-[18%] flex justify-center">
      {said && (
        <span
          data-kind={said.kind}
          className={cn(
            'flex max-w-full items-center gap-2 rounded-sm bg-video-label text-on-video [&_svg]:size-3.5 [&_svg]:shrink-0',
            narrow ? 'px-1.5 py-0.5 text-xs' : 'px-3 py-1.5 text-sm',
            said.kind === 'connecting' ? 'late' : 'appear',
          )}
        >
          {ICONS[said.kind]}
          {narrow ? (
            <>
              <span aria-hidden className="truncate">
                {said.short}
              </span>
              <span className="sr-only">{said.words}</span>
            </>
          ) : (
            <span className="text-balance">{said.words}</span>
          )}
        </span>
      )}
    </div>
  )
}
