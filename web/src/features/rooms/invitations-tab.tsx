import { Copy, Link2 } from 'lucide-react'
import { useEffect, useState, type FormEvent } from 'react'
import type { CreatedInvitation, Invitation } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { copyText } from '@/lib/copy'
import { formatAgo } from '@/lib/time'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { Select } from '@/ui/select'
import { Skeleton } from '@/ui/skeleton'
import { toast } from '@/ui/toast'
import { invitationLink } from './entry'
import {
  DEFAULT_LIFETIME_S,
  describeRest,
  describeUses,
  LIFETIMES,
  MOST_USES,
  parseUses,
} from './invitation-words'

/** Links that open the door: to anyone who holds them, until they end. */
export function InvitationsTab({ roomId }: { roomId: string }) {
  const { api } = useServices()
  const [invitations, setInvitations] = useState<readonly Invitation[] | null>(null)
  const [made, setMade] = useState<CreatedInvitation | null>(null)
  const { run: load, error } = useAction(async () => setInvitations(await api.listInvitations(roomId)))
  const { run: revoke, error: revokeError } = useAction(async (id: string) => {
    await api.revokeInvitation(roomId, id)
    setInvitations((all) => all?.filter((invitation) => invitation.id !== id) ?? null)
    setMade((shown) => (shown?.invitation.id === id ? null : shown))
    toast('Invitation revoked. Its link no longer works.')
  })
  useEffect(() => void load(), [load])

  return (
    <div className="flex flex-col gap-6">
      <NewInvitationForm
        roomId={roomId}
        onMade={(created) => {
          setMade(created)
          setInvitations((all) => [created.invitation, ...(all ?? [])])
        }}
      />
      {made && <MadeInvitation key={made.invitation.id} link={invitationLink(made.url)} />}
      <section aria-labelledby="invitations-title">
        <h3 id="invitations-title" className="mb-2 font-semibold">
          Invitations that work now
        </h3>
        <ErrorNotice error={error ?? revokeError} />
        {invitations === null ? (
          error === null && <Skeleton className="h-14" />
        ) : invitations.length === 0 ? (
          <p className="text-sm text-muted">
            None. Those you make are listed here, so that you can revoke them.
          </p>
        ) : (
          <ul className="flex flex-col">
            {invitations.map((invitation) => (
              <InvitationRow
                key={invitation.id}
                invitation={invitation}
                onRevoke={() => void revoke(invitation.id)}
              />
            ))}
          </ul>
        )}
      </section>
    </div>
  )
}

interface NewInvitationFormProps {
  roomId: string
  onMade: (created: CreatedInvitation) => void
}

function NewInvitationForm({ roomId, onMade }: NewInvitationFormProps) {
  const { api } = useServices()
  const [lifetime, setLifetime] = useState(DEFAULT_LIFETIME_S)
  const [uses, setUses] = useState('')
  const maxUses = parseUses(uses)
  const { run, busy, error } = useAction(async () => {
    onMade(
      await api.createInvitation(roomId, {
        expiresIn: lifetime,
        ...(typeof maxUses === 'number' ? { maxUses } : {}),
      }),
    )
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (maxUses !== undefined) void run()
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <p className="text-sm text-muted">
        Whoever opens an invitation needs no account and no password, and does not wait at the door.
      </p>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Works for">
          {(control) => (
            <Select
              {...control}
              value={lifetime}
              onChange={(event) => setLifetime(Number(event.target.value))}
            >
              {LIFETIMES.map(([seconds, label]) => (
                <option key={seconds} value={seconds}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label="How many may use it"
          hint="Empty: as many as come"
          error={maxUses === undefined && `A whole number from 1 to ${MOST_USES}, or nothing.`}
        >
          {(control) => (
            <Input
              {...control}
              inputMode="numeric"
              value={uses}
              onChange={(event) => setUses(event.target.value)}
            />
          )}
        </Field>
      </div>
      <ErrorNotice error={error} />
      <Button type="submit" variant="primary" busy={busy} className="self-start">
        <Link2 aria-hidden /> {busy ? 'Making it…' : 'Make an invitation'}
      </Button>
    </form>
  )
}

/** The one time its link can be had: the server keeps no copy of it. */
function MadeInvitation({ link }: { link: string }) {
  const copy = async () => {
    if (await copyText(link)) toast('Invitation copied.')
    else toast('Your browser did not allow copying. Select the link and copy it yourself.', { forMs: 9_000 })
  }
  return (
    <div className="flex flex-col gap-2 rounded-md bg-accent-soft p-4 text-on-accent-soft">
      <label htmlFor="made-invitation" className="text-sm font-medium">
        Your invitation. Copy it now: it is not shown again.
      </label>
      <div className="flex gap-2">
        <Input
          id="made-invitation"
          ref={(input) => input?.focus()}
          readOnly
          value={link}
          onFocus={(event) => event.currentTarget.select()}
          className="min-w-0 flex-1 font-mono text-sm"
        />
        <Button variant="primary" className="shrink-0" onClick={() => void copy()}>
          <Copy aria-hidden /> Copy
        </Button>
      </div>
    </div>
  )
}

function InvitationRow({ invitation, onRevoke }: { invitation: Invitation; onRevoke: () => void }) {
  const [now] = useState(Date.now)
  const made = formatAgo(Date.parse(invitation.createdAt), now)
  return (
    <li className="flex items-center gap-3 border-b border-border py-2 last:border-b-0">
      <div className="min-w-0 flex-1">
        <p className="font-medium first-letter:uppercase">{describeRest(invitation.expiresAt, now)}</p>
        <p className="text-sm text-muted">
          Made {made}, {describeUses(invitation)}
        </p>
      </div>
      <Button
        size="sm"
        variant="dangerQuiet"
        aria-label={`Revoke the invitation made ${made}`}
        onClick={onRevoke}
      >
        Revoke
      </Button>
    </li>
  )
}
