/** What is said in passing, in plain words. */
import type { DeviceNews, Notice } from '@/call/notice'

export interface Said {
  readonly text: string
  readonly tone?: 'error'
  readonly forMs?: number
  /** Leads to the chat. */
  readonly opensChat?: true
}

const MOST_IN_PREVIEW = 80
const SHORT_MS = 3_000
const LONG_MS = 7_000

const DEVICES = { audio: 'microphone', video: 'camera' } as const

/** The words for a notice; null for what is shown in another way. */
export function describeNotice(notice: Notice): Said | null {
  switch (notice.kind) {
    case 'joined':
      return { text: `${notice.name} joined`, forMs: SHORT_MS }
    case 'left':
      return { text: `${notice.name} left`, forMs: SHORT_MS }
    case 'chat':
      return { text: `${notice.name}: ${preview(notice.text)}`, opensChat: true }
    case 'rateLimited':
      return { text: 'That was a lot at once. Wait a moment and try again.', tone: 'error' }
    case 'badName':
      return { text: 'The server did not take that name. Try another one.', tone: 'error' }
    case 'reconnected':
      return { text: 'You are back in the call.', forMs: SHORT_MS }
    case 'handRaised':
      return { text: `${notice.name} raised a hand` }
    case 'device':
      return describeDevice(notice.media, notice.what, notice.label)
    case 'screenEnded':
      return { text: 'Your screen is no longer shared.' }
    // Reactions float; moderation and recordings speak for themselves.
    default:
      return null
  }
}

/** What is used now. What was lost stays in a bar until something is done about it. */
function describeDevice(media: 'audio' | 'video', what: DeviceNews, label: string): Said | null {
  if (what === 'lost' || what === 'revoked') return null
  const device = DEVICES[media]
  if (what === 'restored') return { text: `Your ${device} is back${label ? `: ${label}` : ''}.` }
  return { text: `We now use ${label || 'another one'} as your ${device}.`, forMs: LONG_MS }
}

function preview(text: string): string {
  const letters = [...text.replace(/\s+/g, ' ')]
  return letters.length > MOST_IN_PREVIEW
    ? `${letters.slice(0, MOST_IN_PREVIEW).join('')}…`
    : letters.join('')
}
