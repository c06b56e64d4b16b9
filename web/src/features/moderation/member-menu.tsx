import {
  Ban,
  Crown,
  EllipsisVertical,
  Hand,
  MicOff,
  ScreenShareOff,
  ShieldOff,
  ShieldPlus,
  UserMinus,
  VideoOff,
} from 'lucide-react'
import type { ComponentType, SVGProps } from 'react'
import type { Command, Member } from '@/call/types'
import { Button } from '@/ui/button'
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu'
import { ask } from './moderation-store'
import { memberActions, type MemberAction } from './rights'
import { useModeration } from './use-moderation'

interface ActionWords {
  readonly icon: ComponentType<SVGProps<SVGSVGElement>>
  readonly label: string
  readonly danger?: boolean
}

const WORDS: Readonly<Record<MemberAction, ActionWords>> = {
  muteAudio: { icon: MicOff, label: 'Mute microphone' },
  muteVideo: { icon: VideoOff, label: 'Turn camera off' },
  muteScreen: { icon: ScreenShareOff, label: 'Stop screen share' },
  lowerHand: { icon: Hand, label: 'Lower hand' },
  makeModerator: { icon: ShieldPlus, label: 'Make moderator' },
  takeModerator: { icon: ShieldOff, label: 'Take moderation back' },
  handOver: { icon: Crown, label: 'Make host…' },
  remove: { icon: UserMinus, label: 'Remove from the call…', danger: true },
  ban: { icon: Ban, label: 'Ban from the room…', danger: true },
}

/** What a host or moderator may do about one member; nothing at all for everyone else. */
export function MemberMenu({ member }: { member: Member }) {
  const { state, command } = useModeration()
  const actions = memberActions(state.role, member)
  if (actions.length === 0) return null
  const firstDanger = actions.find((action) => WORDS[action].danger)
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="iconSm" aria-label={`Actions for ${member.displayName}`}>
          <EllipsisVertical aria-hidden />
        </Button>
      }
    >
      {actions.map((action) => {
        const { icon: Icon, label, danger = false } = WORDS[action]
        return (
          <div key={action} className="contents">
            {action === firstDanger && actions[0] !== action && <MenuSeparator />}
            <MenuItem
              icon={<Icon aria-hidden />}
              danger={danger}
              onSelect={() => run(action, member, command)}
            >
              {label}
            </MenuItem>
          </div>
        )
      })}
    </Menu>
  )
}

function run(action: MemberAction, member: Member, command: (order: Command) => void): void {
  const clientId = member.id
  switch (action) {
    case 'muteAudio':
      return command({ type: 'mute', clientId, media: 'audio' })
    case 'muteVideo':
      return command({ type: 'mute', clientId, media: 'video' })
    case 'muteScreen':
      return command({ type: 'mute', clientId, media: 'screen' })
    case 'lowerHand':
      return command({ type: 'lower_hand', clientId })
    case 'makeModerator':
      return command({ type: 'role', clientId, role: 'moderator' })
    case 'takeModerator':
      return command({ type: 'role', clientId, role: 'member' })
    case 'handOver':
    case 'remove':
    case 'ban':
      return ask({ kind: action, member })
  }
}
