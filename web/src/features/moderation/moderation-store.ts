/** Which question of a host or moderator is open. Menus close when something is chosen, so dialogs live outside them. */
import type { Member } from '@/call/types'
import { createStore } from '@/lib/store'

export type Question =
  | {
      readonly kind: 'remove' | 'ban' | 'handOver'
      readonly member: Pick<Member, 'id' | 'displayName' | 'role'>
    }
  | { readonly kind: 'end' }
  | { readonly kind: 'settings' }

const questions = createStore<Question | null>(null)

export const openQuestion = { subscribe: questions.subscribe, get: questions.get }

export function ask(question: Question): void {
  questions.set(question)
}

/** How many lists of those who wait are in view: while one is, nobody has to be told of it again. */
const lists = createStore(0)

export const lobbyInView = { subscribe: lists.subscribe, get: () => lists.get() > 0 }

/** Say that a list of those who wait is in view; the answer takes that back. */
export function showLobby(): () => void {
  lists.set(lists.get() + 1)
  return () => lists.set(lists.get() - 1)
}

export function closeQuestion(): void {
  questions.set(null)
}
