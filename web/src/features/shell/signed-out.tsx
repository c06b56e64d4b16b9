import { LogIn } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link, signInPath } from '@/app/router'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'
import { Page } from './page'

/** Instead of a page that needs an account; signing in leads back to it. */
export function SignedOut({ path, children }: { path: string; children: ReactNode }) {
  return (
    <Page>
      <Message
        icon={<LogIn aria-hidden />}
        title="You are signed out"
        actions={
          <Button asChild variant="primary">
            <Link href={signInPath(path)}>Sign in</Link>
          </Button>
        }
      >
        {children}
      </Message>
    </Page>
  )
}
