import { Hand, MessageSquare, PhoneOff, Users } from 'lucide-react'
import type { ReactNode } from 'react'
import { MediaButton, RoundButton } from '@/features/prejoin/media-buttons'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { cn } from '@/lib/cn'
import { useMediaQuery } from '@/lib/use-media-query'
import { Tooltip } from '@/ui/tooltip'
import { TalkingBar } from './call-bars'
import { useCallServices, useCallState } from './call-context'
import { DeviceMenu } from './device-menu'
import { HIDDEN } from './hidden'
import { LevelRing } from './level-ring'
import { shownMembers } from './members'
import { MoreMenu } from './more-menu'
import { ReactionPicker } from './reaction-picker'
import type { Emoji } from './reactions'
import { ShareButton } from './share'
import { SHORTCUTS } from './shortcuts'
import type { Panel } from './use-panels'

interface ControlBarProps {
  panel: Panel | null
  onPanel: (panel: Panel) => void
  reactionsOpen: boolean
  onReactionsOpen: (open: boolean) => void
  onReact: (emoji: Emoji) => void
  onHand: () => void
  onLayout: () => void
  onDevices: () => void
  onShortcuts: () => void
  onLeave: () => void
  /** The space bar is held. */
  talking: boolean
  quiet: boolean
}

export function ControlBar(props: ControlBarProps) {
  const { media } = useCallServices()
  const { audio } = useMediaSnapshot(media)
  const roomy = useMediaQuery('(min-width: 768px)')
  return (
    <footer
      aria-label="Call controls"
      className={cn(
        'relative flex shrink-0 items-center justify-center gap-2 px-3 pt-2.5 pb-[max(0.75rem,env(safe-area-inset-bottom))] transition-opacity focus-within:opacity-100 hover:opacity-100 md:gap-3',
        props.quiet && !props.talking && HIDDEN,
      )}
    >
      <div className="flex">
        <MediaButton media={media} kind="audio">
          {audio.on && <LevelRing track={audio.track} />}
        </MediaButton>
        {roomy && <DeviceMenu kind="audio" />}
      </div>
      <div className="flex">
        <MediaButton media={media} kind="video" />
        {roomy && <DeviceMenu kind="video" />}
      </div>
      {roomy && media.canShareScreen && <ShareButton />}
      {roomy && <HandButton onHand={props.onHand} />}
      {roomy && (
        <ReactionPicker
          open={props.reactionsOpen}
          onOpenChange={props.onReactionsOpen}
          onReact={props.onReact}
        />
      )}
      <PanelButtons panel={props.panel} onPanel={props.onPanel} />
      <MoreMenu
        short={!roomy}
        onHand={props.onHand}
        onReactions={() => props.onReactionsOpen(true)}
        onLayout={props.onLayout}
        onDevices={props.onDevices}
        onShortcuts={props.onShortcuts}
      />
      <Tooltip label="Leave the call">
        <RoundButton
          tone="danger"
          aria-label="Leave"
          className="w-14 md:ml-3 md:w-16"
          onClick={props.onLeave}
        >
          <PhoneOff aria-hidden />
        </RoundButton>
      </Tooltip>
      <TalkingBar talking={props.talking} />
    </footer>
  )
}

function HandButton({ onHand }: { onHand: () => void }) {
  const { call } = useCallServices()
  const raised = useCallState(call).handRaisedAt !== null
  return (
    <Tooltip label={raised ? 'Lower your hand' : 'Raise your hand'} shortcut={SHORTCUTS.hand.shown}>
      <RoundButton
        tone={raised ? 'active' : 'plain'}
        aria-label="Raise hand"
        aria-pressed={raised}
        aria-keyshortcuts={SHORTCUTS.hand.key}
        onClick={onHand}
      >
        <Hand aria-hidden />
      </RoundButton>
    </Tooltip>
  )
}

function PanelButtons({ panel, onPanel }: Pick<ControlBarProps, 'panel' | 'onPanel'>) {
  const { call } = useCallServices()
  const { unread, members, lobby } = useCallState(call)
  const people = shownMembers(members).length + 1
  return (
    <>
      <Tooltip label={panel === 'chat' ? 'Close chat' : 'Open chat'} shortcut={SHORTCUTS.chat.shown}>
        <RoundButton
          tone={panel === 'chat' ? 'active' : 'plain'}
          aria-label={unread > 0 ? `Chat, ${unread} unread` : 'Chat'}
          aria-pressed={panel === 'chat'}
          aria-keyshortcuts={SHORTCUTS.chat.key}
          onClick={() => onPanel('chat')}
        >
          <MessageSquare aria-hidden />
          {unread > 0 && <Badge>{unread > 99 ? '99+' : unread}</Badge>}
        </RoundButton>
      </Tooltip>
      <Tooltip label={panel === 'people' ? 'Close people' : 'Show people'} shortcut={SHORTCUTS.people.shown}>
        <RoundButton
          tone={panel === 'people' ? 'active' : 'plain'}
          aria-label={`People, ${people} in the call${lobby.length > 0 ? `, ${lobby.length} waiting` : ''}`}
          aria-pressed={panel === 'people'}
          aria-keyshortcuts={SHORTCUTS.people.key}
          onClick={() => onPanel('people')}
        >
          <Users aria-hidden />
          {lobby.length > 0 ? <Badge>+{lobby.length}</Badge> : <Badge quiet>{people}</Badge>}
        </RoundButton>
      </Tooltip>
    </>
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
