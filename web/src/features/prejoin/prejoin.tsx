import { ChevronDown, Users } from 'lucide-react'
import { useEffect, useState, type FormEvent } from 'react'
import type { Room } from '@/api/types'
import type { LocalMedia } from '@/call/media'
import { Link, signInPath } from '@/app/router'
import { useUser } from '@/app/services'
import { preferredName, rememberName, startsWith } from '@/features/account/preferences'
import { cleanDisplayName, MOST_IN_DISPLAY_NAME } from '@/features/account/rules'
import { Page } from '@/features/shell/page'
import { roomPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { Notice } from '@/ui/notice'
import { DevicePickers } from './device-pickers'
import { Preview } from './preview'

interface PrejoinProps {
  room: Room
  media: LocalMedia
  joining: boolean
  /** An earlier try could not reach the server. */
  onJoin: (displayName: string) => void
}

/** Name, look, join. */
export function Prejoin({ room, media, joining, onJoin }: PrejoinProps) {
  const user = useUser()
  const [name, setName] = useState(() => preferredName(user?.username))
  const [checked, setChecked] = useState(false)
  const clean = cleanDisplayName(name)

  useEffect(() => {
    void media.start({ audio: startsWith('audio'), video: startsWith('video') })
  }, [media])

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setChecked(true)
    if (!clean) {
      event.currentTarget.querySelector('input')?.focus()
      return
    }
    if (joining) return
    rememberName(clean)
    onJoin(clean)
  }

  return (
    <Page>
      <div className="grid items-start gap-6 lg:grid-cols-[1.5fr_1fr] lg:gap-10 lg:pt-12">
        <Preview media={media} name={clean || 'You'} />
        <div className="flex flex-col gap-5">
          <div>
            <p className="mb-1 text-sm text-muted">{room.name ? room.roomId : `Room ${room.roomId}`}</p>
            <h1 className="text-xl font-semibold break-words">{room.name || 'Ready to join?'}</h1>
            <Presence room={room} />
          </div>
          <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
            <Field label="Your name" error={checked && !clean && 'Type the name others will see.'}>
              {(control) => (
                <Input
                  {...control}
                  value={name}
                  maxLength={MOST_IN_DISPLAY_NAME * 2}
                  autoComplete="nickname"
                  enterKeyHint="go"
                  onChange={(event) => setName(event.target.value)}
                />
              )}
            </Field>
            <Button type="submit" variant="primary" size="lg" busy={joining}>
              {joining ? 'Joining…' : 'Join'}
            </Button>
          </form>
          <details className="group rounded-md border border-border">
            <summary className="flex h-11 list-none items-center justify-between rounded-md px-4 text-sm font-medium [&::-webkit-details-marker]:hidden">
              Camera, microphone, speaker
              <ChevronDown
                aria-hidden
                className="size-4 text-muted transition-transform group-open:rotate-180"
              />
            </summary>
            <div className="p-4 pt-2">
              <DevicePickers media={media} />
            </div>
          </details>
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
      </div>
    </Page>
  )
}

function Presence({ room }: { room: Room }) {
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
