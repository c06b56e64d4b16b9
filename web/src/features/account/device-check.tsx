import { useState } from 'react'
import { DevicePickers } from '@/features/prejoin/device-pickers'
import { Preview } from '@/features/prejoin/preview'
import { useOwnLocalMedia } from '@/features/prejoin/use-local-media'
import { preferredName } from '@/features/account/preferences'
import { Button } from '@/ui/button'

/** Choose devices ahead of a call. Nothing is switched on before one asks for it. */
export function DeviceCheck() {
  const media = useOwnLocalMedia()
  const [checking, setChecking] = useState(false)
  if (!checking) {
    return (
      <div className="flex flex-col items-start gap-3">
        <p className="text-sm text-muted">
          See and hear what others will get, and choose what is used in calls.
        </p>
        <Button
          onClick={() => {
            setChecking(true)
            void media.start({ audio: true, video: true })
          }}
        >
          Check camera and microphone
        </Button>
      </div>
    )
  }
  return (
    <div className="flex flex-col gap-4">
      <Preview media={media} name={preferredName() || 'You'} />
      <DevicePickers media={media} />
    </div>
  )
}
