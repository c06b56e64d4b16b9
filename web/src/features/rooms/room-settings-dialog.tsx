import { useState, type FormEvent } from 'react'
import type { Room } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { GuestsField } from './guests-field'

interface RoomSettingsDialogProps {
  /** The room to change; null closes the dialog. */
  room: Room | null
  onClose: () => void
  onChanged: (room: Room) => void
}

export function RoomSettingsDialog({ room, onClose, onChanged }: RoomSettingsDialogProps) {
  return (
    <Dialog
      open={room !== null}
      onOpenChange={(open) => !open && onClose()}
      title="Room settings"
      description={room && `Link: /r/${room.roomId}`}
    >
      {room && <RoomSettingsForm room={room} onClose={onClose} onChanged={onChanged} />}
    </Dialog>
  )
}

const FEWEST = 2
const MOST = 50

function RoomSettingsForm({ room, onClose, onChanged }: RoomSettingsDialogProps & { room: Room }) {
  const { api } = useServices()
  const [name, setName] = useState(room.name)
  const [guestsAllowed, setGuestsAllowed] = useState(room.guestsAllowed)
  const [limit, setLimit] = useState(String(room.maxMembers))
  const maxMembers = Number(limit)
  const badLimit = !Number.isInteger(maxMembers) || maxMembers < FEWEST || maxMembers > MOST
  const { run, busy, error } = useAction(async () => {
    onChanged(await api.changeRoom(room.roomId, { name: name.trim(), guestsAllowed, maxMembers }))
    onClose()
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
      <ErrorNotice error={error} />
      <Button type="submit" variant="primary" busy={busy}>
        {busy ? 'Saving…' : 'Save'}
      </Button>
    </form>
  )
}
