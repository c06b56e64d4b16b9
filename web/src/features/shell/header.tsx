import { LogIn, LogOut, Settings, SunMoon } from 'lucide-react'
import { Link, navigate, signInPath, usePath } from '@/app/router'
import { useServices, useSession } from '@/app/services'
import { describeError } from '@/api/errors'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '@/ui/menu'
import { toast } from '@/ui/toast'
import { Logo } from './logo'
import { ThemeChoice } from './theme-menu'

export function Header() {
  const session = useSession()
  const path = usePath()
  const signing = path === '/signin' || path === '/signup'
  return (
    <header className="mx-auto flex h-18 w-full max-w-5xl items-center justify-between gap-3 px-4 sm:px-6">
      <Link href="/" aria-label="Chatter, home" className="rounded-md">
        <Logo />
      </Link>
      <nav aria-label="Account" className="flex items-center gap-2">
        {session.status === 'signedIn' ? (
          <UserMenu username={session.user.username} />
        ) : (
          <>
            <Menu
              trigger={
                <Button variant="ghost" size="icon" aria-label="Theme">
                  <SunMoon aria-hidden />
                </Button>
              }
            >
              <MenuLabel>Theme</MenuLabel>
              <ThemeChoice />
            </Menu>
            {!signing && session.status === 'signedOut' && (
              <Button asChild variant="secondary">
                <Link href={signInPath(path)}>
                  <LogIn aria-hidden /> Sign in
                </Link>
              </Button>
            )}
          </>
        )}
      </nav>
    </header>
  )
}

function UserMenu({ username }: { username: string }) {
  const { session } = useServices()
  const signOut = async () => {
    try {
      await session.signOut()
      navigate('/')
    } catch (error) {
      toast(describeError(error), { tone: 'error' })
    }
  }
  return (
    <Menu
      trigger={
        <Button variant="ghost" className="px-2">
          <Avatar name={username} className="size-8 text-sm" />
          <span className="sr-only">Account:</span>
          <span className="max-w-40 truncate text-sm max-sm:sr-only">{username}</span>
        </Button>
      }
    >
      <MenuLabel>Signed in as {username}</MenuLabel>
      <MenuItem icon={<Settings aria-hidden />} onSelect={() => navigate('/settings')}>
        Settings
      </MenuItem>
      <MenuSeparator />
      <MenuLabel>Theme</MenuLabel>
      <ThemeChoice />
      <MenuSeparator />
      <MenuItem icon={<LogOut aria-hidden />} onSelect={() => void signOut()}>
        Sign out
      </MenuItem>
    </Menu>
  )
}
