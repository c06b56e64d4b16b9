import type { ReactNode } from 'react'
import type { MediaFault, MediaSnapshot } from '@/call/media'

interface FaultWords {
  readonly title: string
  readonly help: ReactNode
}

/** How to give a permission back, in the words of the browser at hand. */
export function permissionHelp(userAgent = navigator.userAgent): string {
  if (/iPhone|iPad/.test(userAgent)) {
    return 'Tap the page menu at the left of the address, open “Website Settings” and allow Camera and Microphone.'
  }
  if (/Firefox\//.test(userAgent)) {
    return 'Click the crossed-out camera at the left of the address, remove the block, then try again.'
  }
  if (/Chrome\//.test(userAgent)) {
    return /Android/.test(userAgent)
      ? 'Tap the icon at the left of the address, then “Permissions”, and allow Camera and Microphone.'
      : 'Click the icon at the left of the address and switch Camera and Microphone on, then try again.'
  }
  if (/Safari\//.test(userAgent)) {
    return 'In the menu choose Safari → Settings for This Website and allow Camera and Microphone.'
  }
  return 'Open the permissions of this page at the left of the address and allow Camera and Microphone.'
}

export function describeFault(fault: MediaFault, what: string): FaultWords {
  switch (fault) {
    case 'denied':
      return { title: `Your browser does not let us use ${what}`, help: permissionHelp() }
    case 'noDevice':
      return { title: `We found no ${what.replace('your ', '')}`, help: 'Plug one in and try again.' }
    case 'busy':
      return {
        title: `Something else is using ${what}`,
        help: 'Close other programs or tabs that may be using it, then try again.',
      }
    case 'insecure':
      return {
        title: `Browsers allow ${what} only on secure pages`,
        help: 'Open Chatter at its https address. The person who runs it knows which.',
      }
    case 'unplugged':
      return { title: `We lost ${what}`, help: 'It was unplugged or switched off. Plug it in and try again.' }
    case 'revoked':
      return { title: `Your browser no longer lets us use ${what}`, help: permissionHelp() }
    case 'unknown':
      return { title: `We could not start ${what}`, help: 'Try again, or choose another device.' }
  }
}

/** The one thing worth saying about both devices together; null when all is well. */
export function summarizeFaults({ audio, video }: MediaSnapshot): FaultWords | null {
  if (audio.fault && audio.fault === video.fault) {
    const both = audio.fault === 'noDevice' ? 'camera and no microphone' : 'your camera and microphone'
    return describeFault(audio.fault, both)
  }
  if (audio.fault) return describeFault(audio.fault, 'your microphone')
  if (video.fault) return describeFault(video.fault, 'your camera')
  return null
}
