import { useState, type FormEvent } from 'react'
import { useUser } from '@/app/services'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Input } from '@/ui/input'
import { toast } from '@/ui/toast'
import { preferredName, rememberName } from './preferences'
import { cleanDisplayName, MOST_IN_DISPLAY_NAME } from './rules'

/** The name others see in calls. It is kept in this browser; the username never changes. */
export function ProfileForm() {
  const user = useUser()
  const [name, setName] = useState(() => preferredName(user?.username))
  const clean = cleanDisplayName(name)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!clean) return
    rememberName(clean)
    setName(clean)
    toast('Saved.')
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field
        label="Your name in calls"
        hint="Kept in this browser"
        error={!clean && 'A name needs at least one character.'}
      >
        {(control) => (
          <Input
            {...control}
            value={name}
            maxLength={MOST_IN_DISPLAY_NAME * 2}
            autoComplete="nickname"
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" className="self-start">
        Save name
      </Button>
    </form>
  )
}
