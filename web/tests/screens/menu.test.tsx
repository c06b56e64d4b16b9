import { act, fireEvent, render, screen, waitFor } from '@testing-library/react'
import { expect, it } from 'vitest'
import { Menu, MenuItem } from '@/ui/menu'

function show(onSelect: () => void = () => undefined) {
  render(
    <>
      <Menu trigger={<button>More</button>}>
        <MenuItem onSelect={onSelect}>Search</MenuItem>
      </Menu>
      <input aria-label="Words" />
    </>,
  )
  return { button: screen.getByRole('button', { name: 'More' }), input: screen.getByLabelText('Words') }
}

async function closed() {
  await waitFor(() => expect(screen.queryByRole('menu')).toBeNull())
}

async function choose(onSelect: () => void) {
  fireEvent.keyDown(show(onSelect).button, { key: 'Enter' })
  fireEvent.click(await screen.findByRole('menuitem', { name: 'Search' }))
  await closed()
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

it('gives the focus back to its button after a click elsewhere closed it once', async () => {
  const { button, input } = show()
  fireEvent.keyDown(button, { key: 'Enter' })
  await screen.findByRole('menu')
  fireEvent.pointerDown(input)
  act(() => input.focus())
  await closed()
  expect(document.activeElement).toBe(input)
  act(() => button.focus())
  fireEvent.keyDown(button, { key: 'Enter' })
  fireEvent.keyDown(await screen.findByRole('menu'), { key: 'Escape' })
  await closed()
  await waitFor(() => expect(document.activeElement).toBe(button))
})
