/** Which of the own devices cannot be used, in the words of the protocol. */
import type { ReportTrouble } from '@/protocol/messages'
import type { MediaFault, MediaSnapshot } from './media'
import type { MediaName } from './types'

export type Trouble = ReportTrouble['reason']
export type Troubles = Readonly<Partial<Record<MediaName, Trouble>>>

export const MEDIA = ['audio', 'video', 'screen'] as const satisfies readonly MediaName[]

/** One that was unplugged is none: another takes over, or `media` says that it is off. */
const REASONS: Readonly<Record<MediaFault, Trouble | null>> = {
  denied: 'permission',
  revoked: 'permission',
  noDevice: 'not_found',
  busy: 'in_use',
  insecure: 'other',
  unknown: 'other',
  unplugged: null,
}

/** What is wrong now. While a device is being opened, what was wrong `before` still is. */
export function troublesOf(media: MediaSnapshot, before: Troubles): Troubles {
  const troubles: Partial<Record<MediaName, Trouble>> = {}
  for (const name of MEDIA) {
    const { pending, fault } = media[name]
    const trouble = pending ? before[name] : fault && REASONS[fault]
    if (trouble) troubles[name] = trouble
  }
  return troubles
}
