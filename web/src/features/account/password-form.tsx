import { useState, type FormEvent } from 'react'
import { isApiError } from '@/api/errors'
import { useServices, useUser } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { toast } from '@/ui/toast'
import { PasswordInput } from './credentials-form'
import { checkPassword } from './rules'

export function PasswordForm() {
  const { api } = useServices()
  const user = useUser()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [checked, setChecked] = useState(false)
  const { run, busy, error, clearError } = useAction(async () => {
    await api.changePassword(current, next)
    setCurrent('')
    setNext('')
    setChecked(false)
    toast('Password changed. All other devices are signed out.')
  })
  const wrong = isApiError(error, 'bad_credentials')
  const nextFault = checkPassword(next)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setChecked(true)
    if (current && !nextFault) void run()
  }

  return (
    <form onSubmit={submit} className="flex max-w-md flex-col gap-4" noValidate>
      <input type="hidden" name="username" autoComplete="username" value={user?.username ?? ''} readOnly />
      <Field
        label="Current password"
        error={
          (wrong && 'That is not your current password.') ||
          (checked && !current && 'Type your current password.')
        }
      >
        {(control) => (
          <PasswordInput
            {...control}
            name="current"
            autoComplete="current-password"
            value={current}
            onChange={(value) => {
              setCurrent(value)
              clearError()
            }}
          />
        )}
      </Field>
      <Field
        label="New password"
        hint="At least 10 characters. A short sentence works well."
        error={checked && nextFault}
      >
        {(control) => (
          <PasswordInput
            {...control}
            name="new"
            autoComplete="new-password"
            value={next}
            onChange={setNext}
          />
        )}
      </Field>
      {!wrong && <ErrorNotice error={error} />}
      <p className="text-sm text-muted">Changing it signs out all your other devices.</p>
      <Button type="submit" variant="primary" busy={busy} className="self-start">
        {busy ? 'Changing…' : 'Change password'}
      </Button>
    </form>
  )
}
