import { Compass } from 'lucide-react'
import { Link } from '@/app/router'
import { useTitle } from '@/app/use-title'
import { JoinForm } from '@/features/rooms/join-form'
import { Page } from '@/features/shell/page'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'

export function NotFoundPage() {
  useTitle('Page not found')
  return (
    <Page>
      <Message
        icon={<Compass aria-hidden />}
        title="There is no page here"
        actions={
          <Button asChild variant="primary">
            <Link href="/">Go to the start</Link>
          </Button>
        }
      >
        The address may have been cut off or mistyped. If you were on your way to a call, paste its link
        below.
      </Message>
      <div className="mx-auto max-w-md">
        <JoinForm />
      </div>
    </Page>
  )
}
