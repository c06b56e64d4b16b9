import { useState } from 'react'
import { useSession } from '@/app/services'
import { useTitle } from '@/app/use-title'
import { DeviceCheck } from '@/features/account/device-check'
import { DeviceSessions } from '@/features/account/device-sessions'
import { PasswordForm } from '@/features/account/password-form'
import { ProfileForm } from '@/features/account/profile-form'
import { Page, PageSkeleton } from '@/features/shell/page'
import { SignedOut } from '@/features/shell/signed-out'
import { Unreachable } from '@/features/shell/unreachable'
import { Tabs } from '@/ui/tabs'

export default function SettingsPage() {
  const session = useSession()
  const [tab, setTab] = useState('profile')
  useTitle('Settings')
  if (session.status === 'loading') return <PageSkeleton />
  if (session.status === 'unreachable') return <Unreachable />
  if (session.status === 'signedOut')
    return <SignedOut path="/settings">Sign in to see your settings.</SignedOut>
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
