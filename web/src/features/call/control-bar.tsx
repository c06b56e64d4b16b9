import {
  Copy,
  EllipsisVertical,
  Keyboard,
  MessageSquare,
  PhoneOff,
  SlidersHorizontal,
  Users,
} from 'lucide-react'
import type { ReactNode } from 'react'
import { LevelRing } from './level-ring'
import { MediaButton, RoundButton } from '@/features/prejoin/media-buttons'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { copyRoomLink } from '@/features/rooms/copy-link'
import { ThemeChoice } from '@/features/shell/theme-menu'
import { cn } from '@/lib/cn'
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '@/ui/menu'
import { Tooltip } from '@/ui/tooltip'
import { useCallServices, useCallState } from './call-context'

export type Panel = 'chat' | 'people'

interface ControlBarProps {
  panel: Panel | null
  onPanel: (panel: Panel) => void
  onDevices: () => void
  onShortcuts: () => void
  onLeave: () => void
  quiet: boolean
}

export function ControlBar({ panel, onPanel, onDevices, onShortcuts, onLeave, quiet }: ControlBarProps) {
  const { call, media, room } = useCallServices()
  const { unread, members } = useCallState(call)
  const { audio } = useMediaSnapshot(media)
  return (
    <footer
      aria-label="Call controls"
      className={cn(
        'flex shrink-0 items-center justify-center gap-2 px-3 pt-2.5 pb-[max(0.75rem,env(safe-area-inset-bottom))] transition-opacity focus-within:opacity-100 hover:opacity-100 sm:gap-3',
        quiet && 'opacity-0',
      )}
    >
      <MediaButton media={media} kind="audio">
        {audio.on && <LevelRing track={audio.track} />}
      </MediaButton>
      <MediaButton media={media} kind="video" />
      <Tooltip label={panel === 'chat' ? 'Close chat' : 'Open chat'} shortcut="C">
        <RoundButton
          tone={panel === 'chat' ? 'active' : 'plain'}
          aria-label={unread > 0 ? `Chat, ${unread} unread` : 'Chat'}
          aria-pressed={panel === 'chat'}
          aria-keyshortcuts="c"
          onClick={() => onPanel('chat')}
        >
          <MessageSquare aria-hidden />
          {unread > 0 && <Badge>{unread > 99 ? '99+' : unread}</Badge>}
        </RoundButton>
      </Tooltip>
      <Tooltip label={panel === 'people' ? 'Close people' : 'Show people'} shortcut="P">
        <RoundButton
          tone={panel === 'people' ? 'active' : 'plain'}
          aria-label={`People, ${members.length + 1} in the call`}
          aria-pressed={panel === 'people'}
          aria-keyshortcuts="p"
          onClick={() => onPanel('people')}
        >
          <Users aria-hidden />
          <Badge quiet>{members.length + 1}</Badge>
        </RoundButton>
      </Tooltip>
      <Menu
        side="top"
        align="center"
        trigger={
          <RoundButton aria-label="More">
            <EllipsisVertical aria-hidden />
          </RoundButton>
        }
      >
        <MenuItem icon={<Copy aria-hidden />} shortcut="L" onSelect={() => void copyRoomLink(room.roomId)}>
          Copy link
        </MenuItem>
        <MenuItem icon={<SlidersHorizontal aria-hidden />} onSelect={onDevices}>
          Camera and sound
        </MenuItem>
        <MenuItem icon={<Keyboard aria-hidden />} shortcut="?" onSelect={onShortcuts}>
          Keyboard shortcuts
        </MenuItem>
        <MenuSeparator />
        <MenuLabel>Theme</MenuLabel>
        <ThemeChoice />
      </Menu>
      <Tooltip label="Leave the call">
        <RoundButton tone="danger" aria-label="Leave" className="w-14 sm:ml-3 sm:w-16" onClick={onLeave}>
          <PhoneOff aria-hidden />
        </RoundButton>
      </Tooltip>
    </footer>
  )
}

function Badge({ quiet = false, children }: { quiet?: boolean; children: ReactNode }) {
  return (
    <span
      aria-hidden
      className={cn(
        'absolute -top-1 -right-1 grid h-5 min-w-5 place-items-center rounded-full px-1 text-xs font-semibold',
        quiet ? 'border border-border bg-surface text-text' : 'bg-accent text-on-accent',
      )}
    >
      {children}
    </span>
  )
}
