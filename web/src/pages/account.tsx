import { useEffect, useState } from 'react'
import { Link, navigate, safeNext, useSearch } from '@/app/router'
import { useSession } from '@/app/services'
import { useTitle } from '@/app/use-title'
import { CredentialsForm } from '@/features/account/credentials-form'
import { Page } from '@/features/shell/page'

/** Sign in or sign up; both lead back to where one came from. */
export default function AccountPage({ mode }: { mode: 'signIn' | 'signUp' }) {
  const search = useSearch()
  // Fixed for this visit: going there changes the address that this was read from.
  const [next] = useState(() => safeNext(search.get('next')))
  const session = useSession()
  const signedIn = session.status === 'signedIn'
  const query = next === '/' ? '' : `?next=${encodeURIComponent(next)}`
  useTitle(mode === 'signIn' ? 'Sign in' : 'Create an account')
  useEffect(() => {
    if (signedIn) navigate(next, { replace: true })
  }, [signedIn, next])

  return (
    <Page className="max-w-md sm:pt-12">
      <div className="rounded-lg sm:border sm:border-border sm:bg-surface sm:p-8 sm:shadow-md">
        <h1 className="mb-1 text-xl font-semibold">
          {mode === 'signIn' ? 'Welcome back' : 'Create an account'}
        </h1>
        <p className="mb-6 text-muted">
          {mode === 'signIn'
            ? 'Sign in to open rooms of your own.'
            : 'With an account you can open rooms and keep their links.'}
        </p>
        <CredentialsForm mode={mode} />
        <p className="mt-6 text-sm text-muted">
          {mode === 'signIn' ? 'New here? ' : 'Have an account? '}
          <Link
            href={(mode === 'signIn' ? '/signup' : '/signin') + query}
            className="font-medium text-accent underline underline-offset-2"
          >
            {mode === 'signIn' ? 'Create an account' : 'Sign in'}
          </Link>
        </p>
      </div>
    </Page>
  )
}
