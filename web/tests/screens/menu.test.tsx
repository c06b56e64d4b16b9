import { fireEvent, render, screen, waitFor } from '@testing-library/react'
import { expect, it } from 'vitest'
import { Menu, MenuItem } from '@/ui/menu'

async function choose(onSelect: () => void) {
  render(
    <>
      <Menu trigger={<button>More</button>}>
        <MenuItem onSelect={onSelect}>Search</MenuItem>
      </Menu>
      <input aria-label="Words" />
    </>,
  )
  fireEvent.keyDown(screen.getByRole('button', { name: 'More' }), { key: 'Enter' })
  fireEvent.click(await screen.findByRole('menuitem', { name: 'Search' }))
  await waitFor(() => expect(screen.queryByRole('menu')).toBeNull())
}

it('gives the focus back to its button', async () => {
  await choose(() => undefined)
  await waitFor(() => expect(document.activeElement?.textContent).toBe('More'))
})

it('leaves the focus with what an item opened meanwhile', async () => {
  let returned = false
  await choose(() => {
    // Before the menu gives the focus back, which it does in a task of its own.
    queueMicrotask(() => queueMicrotask(() => screen.getByLabelText('Words').focus()))
    setTimeout(() => (returned = true), 20)
  })
  await waitFor(() => expect(returned).toBe(true))
  expect(document.activeElement?.getAttribute('aria-label')).toBe('Words')
})
