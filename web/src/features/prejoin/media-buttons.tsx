import { Mic, MicOff, Video, VideoOff } from 'lucide-react'
import type { ComponentProps, ReactNode } from 'react'
import type { LocalMedia, MediaKind } from '@/call/media'
import { rememberStart } from '@/features/account/preferences'
import { cn } from '@/lib/cn'
import { Tooltip } from '@/ui/tooltip'
import { useMediaSnapshot } from './use-local-media'

interface RoundButtonProps extends ComponentProps<'button'> {
  tone?: 'plain' | 'off' | 'active' | 'danger'
}

const TONES = {
  plain: 'bg-surface text-text hover:bg-surface-2 border border-border',
  active: 'bg-accent-soft text-on-accent-soft border border-accent',
  off: 'bg-danger-soft text-danger-text border border-danger-text',
  danger: 'bg-danger text-on-danger hover:bg-danger-hover border border-danger',
}

/** The round controls of a call. */
export function RoundButton({ tone = 'plain', className, ...props }: RoundButtonProps) {
  return (
    <button
      type="button"
      className={cn(
        'relative grid size-12 shrink-0 place-items-center rounded-full transition-colors [&_svg]:size-5',
        TONES[tone],
        className,
      )}
      {...props}
    />
  )
}

export function toggleMedia(media: LocalMedia, kind: MediaKind): void {
  const { on, pending } = media.snapshot()[kind]
  rememberStart(kind, !on && !pending)
  void media.toggle(kind)
}

const WORDS = {
  audio: { name: 'Microphone', on: 'Mute microphone', off: 'Unmute microphone', shortcut: 'M' },
  video: { name: 'Camera', on: 'Turn camera off', off: 'Turn camera on', shortcut: 'V' },
} as const

interface MediaButtonProps {
  media: LocalMedia
  kind: MediaKind
  /** A ring that follows the voice. */
  children?: ReactNode
}

/** A toggle: the name stays the same and `aria-pressed` says whether the device is on. */
export function MediaButton({ media, kind, children }: MediaButtonProps) {
  const { on, fault, pending } = useMediaSnapshot(media)[kind]
  const words = WORDS[kind]
  const OnIcon = kind === 'audio' ? Mic : Video
  const OffIcon = kind === 'audio' ? MicOff : VideoOff
  return (
    <Tooltip label={on ? words.on : words.off} shortcut={words.shortcut}>
      <RoundButton
        tone={on ? 'plain' : 'off'}
        aria-label={fault ? `${words.name}, needs attention` : words.name}
        aria-pressed={on}
        aria-busy={pending || undefined}
        aria-keyshortcuts={words.shortcut.toLowerCase()}
        onClick={() => toggleMedia(media, kind)}
      >
        {children}
        {on ? <OnIcon aria-hidden /> : <OffIcon aria-hidden />}
        {fault && (
          <span
            aria-hidden
            className="absolute -top-0.5 -right-0.5 grid size-4.5 place-items-center rounded-full bg-danger text-xs font-bold text-on-danger"
          >
            !
          </span>
        )}
      </RoundButton>
    </Tooltip>
  )
}
