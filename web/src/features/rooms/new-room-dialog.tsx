import { useState, type FormEvent } from 'react'
import { isApiError } from '@/api/errors'
import { navigate } from '@/app/router'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { isRoomId, roomPath, slugify } from '@/lib/room-id'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { GuestsField } from './guests-field'

interface NewRoomDialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** A room with a name of one's own, for calls that come back. */
export function NewRoomDialog({ open, onOpenChange }: NewRoomDialogProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="New named room"
      description="Its link stays the same, so it suits calls that come back."
    >
      {open && <NewRoomForm />}
    </Dialog>
  )
}

function NewRoomForm() {
  const { api } = useServices()
  const [name, setName] = useState('')
  const [address, setAddress] = useState<string | null>(null)
  const [guestsAllowed, setGuestsAllowed] = useState(true)
  const roomId = address ?? slugify(name)
  const { run, busy, error } = useAction(async () => {
    const room = await api.createRoom({ name: name.trim(), guestsAllowed, ...(roomId ? { roomId } : {}) })
    navigate(roomPath(room.roomId))
  })
  const badAddress = roomId !== '' && !isRoomId(roomId)
  const taken = isApiError(error, 'room_exists')

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!badAddress) void run()
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Name" hint="Shown to everyone in the call">
        {(control) => (
          <Input
            {...control}
            value={name}
            maxLength={80}
            onChange={(event) => setName(event.target.value)}
            placeholder="Stand-up"
          />
        )}
      </Field>
      <Field
        label="Address"
        hint={`The link will end in /r/${roomId || '… (made for you)'}`}
        error={
          (badAddress &&
            '3 to 64 letters a to z, digits or dashes, beginning and ending with a letter or digit.') ||
          (taken && 'This address is taken. Try another one.')
        }
      >
        {(control) => (
          <Input
            {...control}
            value={roomId}
            maxLength={64}
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setAddress(event.target.value.toLowerCase())}
          />
        )}
      </Field>
      <GuestsField checked={guestsAllowed} onChange={setGuestsAllowed} />
      {!taken && <ErrorNotice error={error} />}
      <Button type="submit" variant="primary" busy={busy}>
        {busy ? 'Creating…' : 'Create and open'}
      </Button>
    </form>
  )
}
