import { Eye, EyeOff } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { isApiError } from '@/api/errors'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { checkPassword, checkUsername } from './rules'

export function CredentialsForm({ mode }: { mode: 'signIn' | 'signUp' }) {
  const { session } = useServices()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [checked, setChecked] = useState(false)
  const isNew = mode === 'signUp'
  const { run, busy, error, clearError } = useAction(async () => {
    const credentials = { username: username.trim(), password }
    await (isNew ? session.register(credentials) : session.signIn(credentials))
  })
  const usernameFault = isNew ? checkUsername(username.trim()) : username.trim() ? '' : 'Type your username.'
  const passwordFault = isNew ? checkPassword(password) : password ? '' : 'Type your password.'
  const taken = isApiError(error, 'username_taken')

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setChecked(true)
    if (!usernameFault && !passwordFault) void run()
    else {
      const name = usernameFault ? 'username' : 'password'
      event.currentTarget.querySelector<HTMLInputElement>(`[name=${name}]`)?.focus()
    }
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field
        label="Username"
        hint={isNew && '3 to 32 letters, digits, and _ . -'}
        error={taken ? 'Someone already has that username. Try another one.' : checked && usernameFault}
      >
        {(control) => (
          <Input
            {...control}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            value={username}
            onChange={(event) => {
              setUsername(event.target.value)
              clearError()
            }}
          />
        )}
      </Field>
      <Field
        label="Password"
        hint={isNew && 'At least 10 characters. A short sentence works well.'}
        error={checked && passwordFault}
      >
        {(control) => (
          <PasswordInput
            {...control}
            name="password"
            autoComplete={isNew ? 'new-password' : 'current-password'}
            value={password}
            onChange={setPassword}
          />
        )}
      </Field>
      {!taken && <ErrorNotice error={error} />}
      <Button type="submit" variant="primary" size="lg" busy={busy} className="mt-2">
        {isNew ? (busy ? 'Creating…' : 'Create account') : busy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  )
}

interface PasswordInputProps {
  id: string
  name: string
  autoComplete: string
  value: string
  onChange: (value: string) => void
}

export function PasswordInput({ value, onChange, ...control }: PasswordInputProps) {
  const [shown, setShown] = useState(false)
  return (
    <div className="relative">
      <Input
        {...control}
        type={shown ? 'text' : 'password'}
        className="pr-12"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <Button
        variant="ghost"
        size="iconSm"
        className="absolute top-1 right-1"
        aria-label={shown ? 'Hide password' : 'Show password'}
        onClick={() => setShown(!shown)}
      >
        {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
      </Button>
    </div>
  )
}
