import {
  Check,
  CircleSlash,
  CloudOff,
  DoorClosed,
  Dot,
  LogIn,
  LogOut,
  MicOff,
  MonitorX,
  RefreshCw,
  TimerOff,
  Unplug,
  UserCog,
  VideoOff,
  Wifi,
  WifiOff,
  X,
  type LucideIcon,
} from 'lucide-react'
import type { CallEvent } from '@/api/call-record'
import type { Tone } from './marks'

const ICONS: Readonly<Record<string, LucideIcon>> = {
  join: LogIn,
  leave: LogOut,
  lost: WifiOff,
  back: Wifi,
  refused: DoorClosed,
  connected: Check,
  disconnected: Unplug,
  failed: X,
  timeout: TimerOff,
  abandoned: CircleSlash,
  ice_restart: RefreshCw,
  rebuild: RefreshCw,
  role: UserCog,
  unreachable: CloudOff,
  audio: MicOff,
  video: VideoOff,
  screen: MonitorX,
}

export function EventIcon({ event, className }: { event: CallEvent; className?: string }) {
  const Icon = ICONS[nameIcon(event)] ?? Dot
  return <Icon aria-hidden className={className} />
}

/** The kind; of a device that failed, which one. */
function nameIcon({ kind, detail = '' }: CallEvent): string {
  return kind === 'media_error' ? (detail.split(':')[0] ?? '') : kind
}

/** Sign on ground, for each kind of news. */
export const TONE_LOOKS: Readonly<Record<Tone, string>> = {
  bad: 'bg-danger text-on-danger',
  warning: 'border border-warning bg-warning-soft text-warning-text',
  good: 'border border-accent bg-surface text-accent',
  plain: 'border border-border-strong bg-surface text-muted',
}
