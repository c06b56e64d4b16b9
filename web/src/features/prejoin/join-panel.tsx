import { ChevronDown, DoorOpen, Ticket, Users } from 'lucide-react'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import type { Room } from '@/api/types'
import type { LocalMedia } from '@/call/media'
import { Link, signInPath } from '@/app/router'
import { useUser } from '@/app/services'
import { rememberName } from '@/features/account/preferences'
import { cleanDisplayName, MOST_IN_DISPLAY_NAME } from '@/features/account/rules'
import { NetworkTestButton } from '@/features/network-test/network-test-button'
import { MOST_IN_ROOM_PASSWORD } from '@/features/rooms/room-password'
import { roomPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { Notice } from '@/ui/notice'
import { DevicePickers } from './device-pickers'
import { knocks, type PasswordAnswer } from './door'

interface JoinPanelProps {
  room: Room
  media: LocalMedia
  joining: boolean
  invited: boolean
  /** Null: nobody asks for a password. */
  password: PasswordAnswer | null
  name: string
  onName: (name: string) => void
  onJoin: (displayName: string, password: string) => void
}

/** Name, password where there is one, join. */
export function JoinPanel({ room, media, joining, invited, password, name, onName, onJoin }: JoinPanelProps) {
  const user = useUser()
  const [secret, setSecret] = useState('')
  const [checked, setChecked] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const clean = cleanDisplayName(name)
  const wrong = !joining && password !== null && password.wrong === secret

  // The server said no: back into the field, with what was typed selected.
  const refusals = password?.refusals ?? 0
  useEffect(() => {
    if (refusals > 0) form.current?.querySelector<HTMLInputElement>('[type=password]')?.select()
  }, [refusals])

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setChecked(true)
    if (!clean || (password && !secret)) {
      event.currentTarget.querySelector<HTMLInputElement>(clean ? '[type=password]' : 'input')?.focus()
      return
    }
    if (joining) return
    rememberName(clean)
    onJoin(clean, secret)
  }

  return (
    <div className="flex flex-col gap-5">
      <div>
        <p className="mb-1 text-sm text-muted">{room.name ? room.roomId : `Room ${room.roomId}`}</p>
        <h1 className="text-xl font-semibold break-words">{room.name || 'Ready to join?'}</h1>
        <Presence room={room} />
      </div>
      <form ref={form} onSubmit={submit} className="flex flex-col gap-4" noValidate>
        <Field label="Your name" error={checked && !clean && 'Type the name others will see.'}>
          {(control) => (
            <Input
              {...control}
              value={name}
              maxLength={MOST_IN_DISPLAY_NAME * 2}
              autoComplete="nickname"
              enterKeyHint="go"
              onChange={(event) => onName(event.target.value)}
            />
          )}
        </Field>
        {password && (
          <Field
            label="Room password"
            hint="You got it with the link, or ask whoever sent you that."
            error={
              !joining &&
              ((checked && !secret && 'This room has a password. Type it to join.') ||
                (wrong && 'That is not the room’s password. Check it and try again.'))
            }
          >
            {(control) => (
              <Input
                {...control}
                type="password"
                value={secret}
                maxLength={MOST_IN_ROOM_PASSWORD}
                autoComplete="off"
                enterKeyHint="go"
                onChange={(event) => setSecret(event.target.value)}
              />
            )}
          </Field>
        )}
        <Button type="submit" variant="primary" size="lg" busy={joining}>
          {joining ? 'Joining…' : 'Join'}
        </Button>
        {password && (
          <p role="alert" className="sr-only">
            {wrong ? 'That is not the room’s password.' : ''}
          </p>
        )}
      </form>
      {invited ? (
        <Notice icon={<Ticket aria-hidden />}>You are invited: no account or password needed.</Notice>
      ) : (
        knocks(room, user !== null) && (
          <Notice icon={<DoorOpen aria-hidden />}>
            Someone in the call lets you in after you have chosen “Join”.
          </Notice>
        )
      )}
      <details className="group rounded-md border border-border">
        <summary className="flex h-11 list-none items-center justify-between rounded-md px-4 text-sm font-medium [&::-webkit-details-marker]:hidden">
          Camera, microphone, speaker
          <ChevronDown aria-hidden className="size-4 text-muted transition-transform group-open:rotate-180" />
        </summary>
        <div className="p-4 pt-2">
          <DevicePickers media={media} />
        </div>
      </details>
      <NetworkTestButton room={room} />
      {!user && (
        <p className="text-sm text-muted">
          You join as a guest.{' '}
          <Link
            href={signInPath(roomPath(room.roomId))}
            className="font-medium text-accent underline underline-offset-2"
          >
            Sign in instead
          </Link>
        </p>
      )}
    </div>
  )
}

function Presence({ room }: { room: Room }) {
  if (room.members === null) return null
  if (room.members >= room.maxMembers) {
    return (
      <Notice className="mt-3" icon={<Users aria-hidden />}>
        This room is full right now ({room.members} of {room.maxMembers}). Try again when someone has left.
      </Notice>
    )
  }
  const words =
    room.members === 0
      ? 'Nobody else is here yet'
      : room.members === 1
        ? 'One person is in the call'
        : `${room.members} people are in the call`
  return <p className="mt-1 text-muted">{words}</p>
}
