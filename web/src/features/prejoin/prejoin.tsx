import { useEffect, type ReactNode } from 'react'
import type { LocalMedia } from '@/call/media'
import { startsWith } from '@/features/account/preferences'
import { Page } from '@/features/shell/page'
import { Preview } from './preview'

interface PrejoinProps {
  media: LocalMedia
  name: string
  /** What to do beside the picture: join, or wait. */
  children: ReactNode
}

/** Before the call: how one will be seen, and beside it what to do. The picture stays while the rest changes. */
export function Prejoin({ media, name, children }: PrejoinProps) {
  useEffect(() => {
    // Who comes back to the door in a call keeps what is on and off.
    void media.startOnce({ audio: startsWith('audio'), video: startsWith('video') })
  }, [media])
  return (
    <Page>
      <div className="grid items-start gap-6 lg:grid-cols-[1.5fr_1fr] lg:gap-10 lg:pt-12">
        <Preview media={media} name={name || 'You'} />
        {children}
      </div>
    </Page>
  )
}
