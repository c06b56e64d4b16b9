import { useState, type FormEvent } from 'react'
import type { LobbyMode, Room } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { Select } from '@/ui/select'
import { GuestsField } from './guests-field'

const FEWEST = 2
const MOST = 50

const LOBBY: readonly (readonly [mode: LobbyMode, label: string, hint: string])[] = [
  ['off', 'Nobody', 'Everyone who may enter is in at once.'],
  ['guests', 'Guests', 'Guests wait until you or a moderator lets them in.'],
  ['everyone', 'Everyone', 'All but you and your moderators wait until someone lets them in.'],
]

/** Name, size, and who comes in how. */
export function RoomForm({ room, onChanged }: { room: Room; onChanged: (room: Room) => void }) {
  const { api } = useServices()
  const [name, setName] = useState(room.name)
  const [guestsAllowed, setGuestsAllowed] = useState(room.guestsAllowed)
  const [lobby, setLobby] = useState(room.lobby)
  const [limit, setLimit] = useState(String(room.maxMembers))
  const maxMembers = Number(limit)
  const badLimit = !Number.isInteger(maxMembers) || maxMembers < FEWEST || maxMembers > MOST
  const { run, busy, error } = useAction(async () => {
    onChanged(await api.changeRoom(room.roomId, { name: name.trim(), guestsAllowed, maxMembers, lobby }))
  })

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!badLimit) void run()
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Name">
        {(control) => (
          <Input {...control} value={name} maxLength={80} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <Field
        label="Most people at once"
        hint="Everyone sends to everyone, so six to eight is comfortable."
        error={badLimit && `A whole number from ${FEWEST} to ${MOST}.`}
      >
        {(control) => (
          <Input
            {...control}
            type="number"
            inputMode="numeric"
            min={FEWEST}
            max={MOST}
            value={limit}
            onChange={(event) => setLimit(event.target.value)}
          />
        )}
      </Field>
      <GuestsField checked={guestsAllowed} onChange={setGuestsAllowed} />
      <Field label="Who must knock" hint={LOBBY.find(([mode]) => mode === lobby)?.[2]}>
        {(control) => (
          <Select {...control} value={lobby} onChange={(event) => setLobby(event.target.value as LobbyMode)}>
            {LOBBY.map(([mode, label]) => (
              <option key={mode} value={mode}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <ErrorNotice error={error} />
      <Button type="submit" variant="primary" busy={busy}>
        {busy ? 'Saving…' : 'Save'}
      </Button>
    </form>
  )
}
