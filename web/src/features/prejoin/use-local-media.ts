import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { LocalMedia, type MediaSnapshot } from '@/call/media'
import { preferredDevices } from '@/features/account/preferences'

/** The devices of this page, let go of when the page goes. */
export function useOwnLocalMedia(): LocalMedia {
  const [media] = useState(() => new LocalMedia(navigator.mediaDevices, preferredDevices()))
  useEffect(() => media.attach(), [media])
  return media
}

export const LocalMediaContext = createContext<LocalMedia | null>(null)

export function useLocalMedia(): LocalMedia {
  const media = useContext(LocalMediaContext)
  if (!media) throw new Error('LocalMediaContext is missing')
  return media
}

export function useMediaSnapshot(media: LocalMedia): MediaSnapshot {
  return useSyncExternalStore(media.subscribe, media.snapshot)
}
