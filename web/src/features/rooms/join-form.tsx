import { useState, type FormEvent } from 'react'
import { navigate } from '@/app/router'
import { parseRoomInput, roomPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'

/** Join by id or by link. */
export function JoinForm({ primary = false }: { primary?: boolean }) {
  const [text, setText] = useState('')
  const [error, setError] = useState('')

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const roomId = parseRoomInput(text)
    if (roomId) navigate(roomPath(roomId))
    else
      setError(
        text.trim() ? 'That is neither a room name nor a link to one.' : 'Type a room name or paste a link.',
      )
  }

  return (
    <form onSubmit={submit} noValidate>
      <Field label="Room name or link" error={error}>
        {(control) => (
          <div className="flex gap-2">
            <Input
              {...control}
              value={text}
              onChange={(event) => {
                setText(event.target.value)
                setError('')
              }}
              placeholder="stand-up"
              autoCapitalize="none"
              autoCorrect="off"
              spellCheck={false}
              inputMode="url"
              enterKeyHint="go"
            />
            <Button type="submit" variant={primary ? 'primary' : 'secondary'} className="shrink-0">
              Join
            </Button>
          </div>
        )}
      </Field>
    </form>
  )
}
