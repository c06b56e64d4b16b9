import { CloudOff } from 'lucide-react'
import { useServices } from '@/app/services'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'
import { useAction } from '@/lib/use-action'
import { Page } from './page'

/** The server does not answer, so nobody knows who is signed in. */
export function Unreachable() {
  const { session } = useServices()
  const { run, busy } = useAction(async () => void (await session.refresh()))
  return (
    <Page>
      <Message
        icon={<CloudOff aria-hidden />}
        title="We can’t reach Chatter"
        actions={
          <Button variant="primary" busy={busy} onClick={() => void run()}>
            {busy ? 'Trying…' : 'Try again'}
          </Button>
        }
      >
        Your connection may be down, or the server is restarting. You are still signed in.
      </Message>
    </Page>
  )
}
