/** What this browser remembers for the next call. */
import { recall, remember } from '@/lib/storage'
import { cleanDisplayName } from './rules'

export function preferredName(username?: string): string {
  return cleanDisplayName(recall('displayName') || username || '')
}

export function rememberName(name: string): void {
  remember('displayName', name)
}

export function preferredDevices() {
  return { audio: recall('microphone'), video: recall('camera'), speaker: recall('speaker') }
}

export function rememberDevice(kind: 'microphone' | 'camera' | 'speaker', id: string): void {
  remember(kind, id)
}

/** Whether someone last came in with the device on; yes, unless they said no. */
export function startsWith(kind: 'audio' | 'video'): boolean {
  return recall(`start.${kind}`) !== 'off'
}

export function rememberStart(kind: 'audio' | 'video', on: boolean): void {
  remember(`start.${kind}`, on ? 'on' : 'off')
}
