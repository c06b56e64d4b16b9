import { LogIn } from 'lucide-react'
import { useState } from 'react'
import { Link, signInPath } from '@/app/router'
import { useSession } from '@/app/services'
import { useTitle } from '@/app/use-title'
import { DeviceCheck } from '@/features/account/device-check'
import { DeviceSessions } from '@/features/account/device-sessions'
import { PasswordForm } from '@/features/account/password-form'
import { ProfileForm } from '@/features/account/profile-form'
import { Page, PageSkeleton } from '@/features/shell/page'
import { Unreachable } from '@/features/shell/unreachable'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'
import { Tabs } from '@/ui/tabs'

export default function SettingsPage() {
  const session = useSession()
  const [tab, setTab] = useState('profile')
  useTitle('Settings')
  if (session.status === 'loading') return <PageSkeleton />
  if (session.status === 'unreachable') return <Unreachable />
  if (session.status === 'signedOut') {
    return (
      <Page>
        <Message
          icon={<LogIn aria-hidden />}
          title="You are signed out"
          actions={
            <Button asChild variant="primary">
              <Link href={signInPath('/settings')}>Sign in</Link>
            </Button>
          }
        >
          Sign in to see your settings.
        </Message>
      </Page>
    )
  }
  return (
    <Page className="max-w-2xl">
      <h1 className="mb-4 text-xl font-semibold">Settings</h1>
      <Tabs
        label="Settings"
        value={tab}
        onChange={setTab}
        tabs={[
          {
            value: 'profile',
            label: 'You',
            content: (
              <div className="flex flex-col gap-8">
                <ProfileForm />
                <section aria-labelledby="devices-title" className="flex flex-col gap-3">
                  <h2 id="devices-title" className="text-lg font-semibold">
                    Camera and microphone
                  </h2>
                  <DeviceCheck />
                </section>
              </div>
            ),
          },
          { value: 'password', label: 'Password', content: <PasswordForm /> },
          { value: 'devices', label: 'Signed-in devices', content: <DeviceSessions /> },
        ]}
      />
    </Page>
  )
}
