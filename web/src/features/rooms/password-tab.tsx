import { LockKeyhole, LockKeyholeOpen } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import type { Room } from '@/api/types'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { Notice } from '@/ui/notice'
import { checkRoomPassword } from './room-password'

interface PasswordTabProps {
  room: Room
  onChanged: (room: Room) => void
}

/** Set, change or remove the password of a room. It is stored so that nobody can read it, so it is never shown. */
export function PasswordTab({ room, onChanged }: PasswordTabProps) {
  const { api } = useServices()
  const [password, setPassword] = useState('')
  const [problem, setProblem] = useState('')
  const { run, busy, error } = useAction(async (next: string | null) => {
    onChanged(await api.changeRoom(room.roomId, { password: next }))
    setPassword('')
  })
  const has = room.passwordRequired

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const found = checkRoomPassword(password)
    setProblem(found)
    if (found) event.currentTarget.querySelector('input')?.focus()
    else void run(password)
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Notice icon={has ? <LockKeyhole aria-hidden /> : <LockKeyholeOpen aria-hidden />}>
        {has
          ? 'This room has a password. Nobody can look it up, not even you; if it is forgotten, set a new one.'
          : 'This room has no password.'}{' '}
        You, your moderators and people with an invitation are not asked for it.
      </Notice>
      <Field label={has ? 'New password' : 'Password'} error={problem}>
        {(control) => (
          <Input
            {...control}
            value={password}
            maxLength={256}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => {
              setPassword(event.target.value)
              setProblem('')
            }}
          />
        )}
      </Field>
      <ErrorNotice error={error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" variant="primary" busy={busy}>
          {has ? 'Change password' : 'Set password'}
        </Button>
        {has && (
          <Button variant="dangerQuiet" busy={busy} onClick={() => void run(null)}>
            Remove password
          </Button>
        )}
      </div>
    </form>
  )
}
