import { Disc, Hand, Link2, Mic, MicOff, MonitorUp, Pencil, Pin, PinOff, Video, VideoOff } from 'lucide-react'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Media, Role } from '@/call/types'
import { rememberName } from '@/features/account/preferences'
import { cleanDisplayName, MOST_IN_DISPLAY_NAME } from '@/features/account/rules'
import { copyRoomLink } from '@/features/rooms/copy-link'
import { cn } from '@/lib/cn'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Input } from '@/ui/input'
import { useCallServices, useCallState } from './call-context'
import { placeOfHand, queueHands, type RaisedHand } from './hands'
import { SELF } from './layout'
import { shownMembers } from './members'
import { MemberActions, PeopleTop } from './slots'

const ROLES: Readonly<Record<Role, string>> = {
  host: 'Host',
  moderator: 'Moderator',
  member: '',
  guest: 'Guest',
}

interface PeoplePanelProps {
  pinned: string | null
  onPin: (key: string) => void
}

export function PeoplePanel({ pinned, onPin }: PeoplePanelProps) {
  const { call, room } = useCallServices()
  const state = useCallState(call)
  const members = shownMembers(state.members)
  const recorders = state.members.filter(({ kind }) => kind === 'recorder')
  const hands = queueHands({ ...state, members })
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="border-b border-border p-4">
        <Button className="w-full" onClick={() => void copyRoomLink(room.roomId)}>
          <Link2 aria-hidden /> Copy link to invite
        </Button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <PeopleTop />
        {hands.length > 0 && <HandQueue hands={hands} />}
        <ul aria-label="In the call" className="py-2">
          <OwnRow handPlace={placeOfHand(hands, SELF)} />
          {members.map((member) => (
            <PersonRow
              key={member.id}
              name={member.displayName}
              note={member.signal === 'lost' ? 'Reconnecting…' : ''}
              role={member.role}
              media={member.media}
              handPlace={placeOfHand(hands, member.id)}
            >
              {members.length > 1 && (
                <Button
                  variant="ghost"
                  size="iconSm"
                  aria-label={`Pin ${member.displayName}`}
                  aria-pressed={pinned === member.id}
                  title={pinned === member.id ? 'Unpin' : 'Keep this picture large'}
                  className={cn(pinned !== member.id && 'text-muted')}
                  onClick={() => onPin(member.id)}
                >
                  {pinned === member.id ? <PinOff aria-hidden /> : <Pin aria-hidden />}
                </Button>
              )}
              <MemberActions member={member} />
            </PersonRow>
          ))}
          {recorders.map((recorder) => (
            <li key={recorder.id} className="flex min-h-14 items-center gap-3 px-4 py-2">
              <span className="grid size-9 place-items-center rounded-full bg-danger-soft text-danger-text">
                <Disc aria-hidden className="size-4" />
              </span>
              <p className="min-w-0 flex-1 truncate font-medium">{recorder.displayName}</p>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}

/** Who would like to speak, first come first. */
function HandQueue({ hands }: { hands: readonly RaisedHand[] }) {
  return (
    <section aria-labelledby="raised-hands" className="border-b border-border px-4 py-3">
      <h3 id="raised-hands" className="flex items-center gap-2 text-sm font-semibold">
        <Hand aria-hidden className="size-4 text-accent" /> Raised hands
      </h3>
      <ol className="mt-1.5 flex flex-col gap-1 text-sm">
        {hands.map(({ key, name }, index) => (
          <li key={key} className="flex gap-2">
            <span className="w-5 text-right text-muted tabular-nums">{index + 1}.</span>
            <span className="min-w-0 truncate">{key === SELF ? 'You' : name}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}

function OwnRow({ handPlace }: { handPlace: number }) {
  const { call } = useCallServices()
  const state = useCallState(call)
  const [renaming, setRenaming] = useState(false)
  if (renaming) {
    return (
      <li className="px-4 py-2">
        <RenameForm
          name={state.displayName}
          onDone={(name) => {
            if (name) {
              rememberName(name)
              call.dispatch({ type: 'rename', displayName: name })
            }
            setRenaming(false)
          }}
        />
      </li>
    )
  }
  return (
    <PersonRow
      name={state.displayName}
      note="You"
      role={state.role}
      media={state.media}
      handPlace={handPlace}
    >
      <Button variant="ghost" size="iconSm" aria-label="Change your name" onClick={() => setRenaming(true)}>
        <Pencil aria-hidden />
      </Button>
      <MemberActions member={null} />
    </PersonRow>
  )
}

interface PersonRowProps {
  name: string
  role: Role
  media: Media
  note: string
  handPlace: number
  children: ReactNode
}

function PersonRow({ name, role, media, note, handPlace, children }: PersonRowProps) {
  const notes = [note, ROLES[role]].filter(Boolean).join(' · ')
  return (
    <li className="flex min-h-14 items-center gap-2 py-2 pr-3 pl-4">
      <Avatar name={name} className="mr-1 size-9 text-sm" />
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium">{name}</p>
        {(notes || handPlace > 0) && (
          <p className="flex items-center gap-1.5 text-xs text-muted">
            {notes}
            {handPlace > 0 && (
              <span className="flex items-center gap-0.5 text-accent">
                <Hand aria-hidden className="size-3.5" />
                <span className="sr-only">Hand raised, number</span> {handPlace}
              </span>
            )}
          </p>
        )}
      </div>
      {children}
      <span className="w-4 shrink-0 text-accent">
        {media.screen && (
          <>
            <MonitorUp aria-hidden className="size-4" />
            <span className="sr-only">Shares the screen</span>
          </>
        )}
      </span>
      <MediaMark on={media.audio} what="Microphone" On={Mic} Off={MicOff} />
      <MediaMark on={media.video} what="Camera" On={Video} Off={VideoOff} />
    </li>
  )
}

interface MediaMarkProps {
  on: boolean
  what: string
  On: typeof Mic
  Off: typeof Mic
}

function MediaMark({ on, what, On, Off }: MediaMarkProps) {
  const Icon = on ? On : Off
  return (
    <span className={on ? 'text-text' : 'text-muted'}>
      <Icon aria-hidden className="size-4" />
      <span className="sr-only">
        {what} {on ? 'on' : 'off'}
      </span>
    </span>
  )
}

function RenameForm({ name, onDone }: { name: string; onDone: (name: string | null) => void }) {
  const [text, setText] = useState(name)
  const clean = cleanDisplayName(text)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (clean) onDone(clean)
  }
  return (
    <form onSubmit={submit} className="flex gap-2">
      <Input
        aria-label="Your name"
        value={text}
        maxLength={MOST_IN_DISPLAY_NAME * 2}
        ref={(input) => input?.focus()}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.preventDefault()
          onDone(null)
        }}
        onChange={(event) => setText(event.target.value)}
        className="min-w-0 flex-1"
      />
      <Button type="submit" variant="primary" disabled={!clean}>
        Save
      </Button>
    </form>
  )
}
