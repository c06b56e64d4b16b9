import { Link2, Mic, MicOff, Pencil, Video, VideoOff } from 'lucide-react'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Media, Role } from '@/call/types'
import { rememberName } from '@/features/account/preferences'
import { cleanDisplayName, MOST_IN_DISPLAY_NAME } from '@/features/account/rules'
import { copyRoomLink } from '@/features/rooms/copy-link'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Input } from '@/ui/input'
import { useCallServices, useCallState } from './call-context'

const ROLES: Readonly<Record<Role, string>> = {
  host: 'Host',
  moderator: 'Moderator',
  member: '',
  guest: 'Guest',
}

export function PeoplePanel() {
  const { call, room } = useCallServices()
  const state = useCallState(call)
  const [renaming, setRenaming] = useState(false)
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="border-b border-border p-4">
        <Button className="w-full" onClick={() => void copyRoomLink(room.roomId)}>
          <Link2 aria-hidden /> Copy link to invite
        </Button>
      </div>
      <ul aria-label="In the call" className="min-h-0 flex-1 overflow-y-auto py-2">
        {renaming ? (
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
        ) : (
          <PersonRow name={state.displayName} note="You" role={state.role} media={state.media}>
            <Button
              variant="ghost"
              size="iconSm"
              aria-label="Change your name"
              onClick={() => setRenaming(true)}
            >
              <Pencil aria-hidden />
            </Button>
          </PersonRow>
        )}
        {state.members.map((member) => (
          <PersonRow key={member.id} name={member.displayName} role={member.role} media={member.media} />
        ))}
      </ul>
    </div>
  )
}

interface PersonRowProps {
  name: string
  role: Role
  media: Media
  note?: string
  children?: ReactNode
}

function PersonRow({ name, role, media, note, children }: PersonRowProps) {
  const notes = [note, ROLES[role]].filter(Boolean).join(' · ')
  return (
    <li className="flex min-h-14 items-center gap-3 px-4 py-2">
      <Avatar name={name} className="size-9 text-sm" />
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium">{name}</p>
        {notes && <p className="text-xs text-muted">{notes}</p>}
      </div>
      {children}
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
