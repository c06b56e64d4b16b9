import { render, screen } from '@testing-library/react'
import { lazy } from 'react'
import { expect, it, vi } from 'vitest'
import { Later } from '@/ui/later'

const page = (load: () => Promise<{ default: () => string }>) => {
  const Part = lazy(load)
  return render(
    <>
      <p>The call</p>
      <Later>
        <Part />
      </Later>
    </>,
  )
}

it('shows the rest at once, and the parts when they are here', async () => {
  page(() => Promise.resolve({ default: () => 'the dialogs' }))
  expect(screen.getByText('The call')).toBeDefined()
  expect(await screen.findByText('the dialogs')).toBeDefined()
})

it('leaves the rest alone where the parts cannot be fetched', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  page(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module')))
  await vi.waitFor(() => expect(told).toHaveBeenCalled())
  expect(screen.getByText('The call')).toBeDefined()
})
