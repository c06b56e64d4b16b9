import { TriangleAlert } from 'lucide-react'
import { Component, type ReactNode } from 'react'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'

/** A fault of the page itself. A reload also helps when a new version replaced the files of this one. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError() {
    return { failed: true }
  }

  override render() {
    if (!this.state.failed) return this.props.children
    return (
      <main id="main" tabIndex={-1}>
        <Message
          icon={<TriangleAlert aria-hidden />}
          title="This page stopped working"
          actions={
            <Button variant="primary" onClick={() => window.location.reload()}>
              Reload
            </Button>
          }
        >
          Something went wrong in the page, or Chatter was updated just now. Reloading puts it right.
        </Message>
      </main>
    )
  }
}
