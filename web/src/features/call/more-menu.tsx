import {
  Copy,
  EllipsisVertical,
  Hand,
  Keyboard,
  LayoutGrid,
  MonitorUp,
  SlidersHorizontal,
  SmilePlus,
} from 'lucide-react'
import { RoundButton } from '@/features/prejoin/media-buttons'
import { copyRoomLink } from '@/features/rooms/copy-link'
import { ThemeChoice } from '@/features/shell/theme-menu'
import { useMediaQuery } from '@/lib/use-media-query'
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '@/ui/menu'
import { useCallServices, useCallState } from './call-context'
import { toggleShare } from './share'
import { SHORTCUTS } from './shortcuts'
import { LastItems, MoreItems } from './slots'

export interface MoreMenuProps {
  /** There is no room in the bar: what has no button there stands here. */
  short: boolean
  onHand: () => void
  onReactions: () => void
  onLayout: () => void
  onDevices: () => void
  onShortcuts: () => void
}

export function MoreMenu({ short, onHand, onReactions, onLayout, onDevices, onShortcuts }: MoreMenuProps) {
  const { call, media, room } = useCallServices()
  const { handRaisedAt, media: on } = useCallState(call)
  const touch = useMediaQuery('(pointer: coarse)')
  return (
    <Menu
      side="top"
      align="center"
      trigger={
        <RoundButton aria-label="More" title="More">
          <EllipsisVertical aria-hidden />
        </RoundButton>
      }
    >
      {short && (
        <>
          <MenuItem icon={<Hand aria-hidden />} onSelect={onHand}>
            {handRaisedAt === null ? 'Raise hand' : 'Lower hand'}
          </MenuItem>
          <MenuItem icon={<SmilePlus aria-hidden />} onSelect={onReactions}>
            React
          </MenuItem>
          {media.canShareScreen && (
            <MenuItem icon={<MonitorUp aria-hidden />} onSelect={() => void toggleShare(media)}>
              {on.screen ? 'Stop sharing' : 'Share screen'}
            </MenuItem>
          )}
          <MenuSeparator />
        </>
      )}
      <MenuItem icon={<Copy aria-hidden />} onSelect={() => void copyRoomLink(room.roomId)}>
        Copy link
      </MenuItem>
      <MenuItem icon={<LayoutGrid aria-hidden />} shortcut={SHORTCUTS.layout.shown} onSelect={onLayout}>
        Change layout
      </MenuItem>
      <MenuItem icon={<SlidersHorizontal aria-hidden />} onSelect={onDevices}>
        Camera and sound
      </MenuItem>
      <MoreItems />
      {!touch && (
        <MenuItem icon={<Keyboard aria-hidden />} shortcut={SHORTCUTS.help.shown} onSelect={onShortcuts}>
          Keyboard shortcuts
        </MenuItem>
      )}
      <MenuSeparator />
      <MenuLabel>Theme</MenuLabel>
      <ThemeChoice />
      <LastItems />
    </Menu>
  )
}
