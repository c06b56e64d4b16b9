import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import type { Ban, Moderator } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { formatAgo } from '@/lib/time'
import { useAction } from '@/lib/use-action'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { Skeleton } from '@/ui/skeleton'
import { toast } from '@/ui/toast'

/** Who helps to run the room, and who may not enter it. */
export function PeopleTab({ roomId }: { roomId: string }) {
  return (
    <div className="flex flex-col gap-8">
      <Moderators roomId={roomId} />
      <Bans roomId={roomId} />
    </div>
  )
}

function Moderators({ roomId }: { roomId: string }) {
  const { api } = useServices()
  const [moderators, setModerators] = useState<readonly Moderator[] | null>(null)
  const { run: load, error } = useAction(async () => setModerators(await api.listModerators(roomId)))
  const { run: remove, error: removeError } = useAction(async ({ userId, username }: Moderator) => {
    await api.removeModerator(roomId, userId)
    setModerators((all) => all?.filter((moderator) => moderator.userId !== userId) ?? null)
    toast(`${username} no longer moderates this room.`)
  })
  useEffect(() => void load(), [load])
  return (
    <PeopleList
      title="Moderators"
      empty="Nobody yet. They let people in and keep order when you are not there."
      error={error ?? removeError}
      form={
        <ModeratorForm
          roomId={roomId}
          onAdded={(added) =>
            setModerators((all) => [...(all ?? []).filter(({ userId }) => userId !== added.userId), added])
          }
        />
      }
      people={moderators?.map((moderator) => (
        <PersonRow key={moderator.userId} name={moderator.username} note="Lets people in and keeps order">
          <Button
            size="sm"
            variant="dangerQuiet"
            aria-label={`Remove ${moderator.username} as a moderator`}
            onClick={() => void remove(moderator)}
          >
            Remove
          </Button>
        </PersonRow>
      ))}
    />
  )
}

function ModeratorForm({ roomId, onAdded }: { roomId: string; onAdded: (moderator: Moderator) => void }) {
  const { api } = useServices()
  const [username, setUsername] = useState('')
  const { run, busy, error, clearError } = useAction(async (name: string) => {
    const added = await api.addModerator(roomId, name)
    setUsername('')
    onAdded(added)
    toast(`${added.username} moderates this room now.`)
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const name = username.trim()
    if (name) void run(name)
  }
  return (
    <form onSubmit={submit} className="mb-3 flex flex-col gap-3" noValidate>
      <Field label="Add a moderator" hint="Their username">
        {(control) => (
          <div className="flex gap-2">
            <Input
              {...control}
              value={username}
              maxLength={32}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => {
                setUsername(event.target.value)
                clearError()
              }}
            />
            <Button type="submit" className="shrink-0" busy={busy} disabled={!username.trim()}>
              Add
            </Button>
          </div>
        )}
      </Field>
      <ErrorNotice error={error} />
    </form>
  )
}

function Bans({ roomId }: { roomId: string }) {
  const { api } = useServices()
  const [bans, setBans] = useState<readonly Ban[] | null>(null)
  const [now] = useState(Date.now)
  const { run: load, error } = useAction(async () => setBans(await api.listBans(roomId)))
  const { run: lift, error: liftError } = useAction(async ({ id, displayName }: Ban) => {
    await api.liftBan(roomId, id)
    setBans((all) => all?.filter((ban) => ban.id !== id) ?? null)
    toast(`${displayName} may come in again.`)
  })
  useEffect(() => void load(), [load])
  return (
    <PeopleList
      title="Banned"
      empty="Nobody is kept out."
      error={error ?? liftError}
      people={bans?.map((ban) => (
        <PersonRow
          key={ban.id}
          name={ban.displayName}
          note={`${ban.kind === 'guest' ? 'Guest, by' : 'By'} ${ban.by}, ${formatAgo(Date.parse(ban.createdAt), now)}`}
        >
          <Button size="sm" aria-label={`Lift ban of ${ban.displayName}`} onClick={() => void lift(ban)}>
            Lift ban
          </Button>
        </PersonRow>
      ))}
    />
  )
}

interface PeopleListProps {
  title: string
  empty: string
  error: unknown
  form?: ReactNode
  /** Undefined while they are fetched. */
  people: readonly ReactNode[] | undefined
}

function PeopleList({ title, empty, error, form, people }: PeopleListProps) {
  return (
    <section aria-label={title}>
      <h3 className="mb-2 font-semibold">{title}</h3>
      {form}
      <ErrorNotice error={error} />
      {people === undefined ? (
        !error && <Skeleton className="h-14" />
      ) : people.length === 0 ? (
        <p className="text-sm text-muted">{empty}</p>
      ) : (
        <ul className="flex flex-col">{people}</ul>
      )}
    </section>
  )
}

function PersonRow({ name, note, children }: { name: string; note: string; children: ReactNode }) {
  return (
    <li className="flex items-center gap-3 border-b border-border py-2 last:border-b-0">
      <Avatar name={name} className="size-9 text-sm" />
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium">{name}</p>
        <p className="truncate text-sm text-muted">{note}</p>
      </div>
      {children}
    </li>
  )
}
