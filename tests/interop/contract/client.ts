// What the declarations that Rust types are written as allow in the official client, and in ours, and what not.

import { io, type Socket } from 'socket.io-client'
import { io as ours, type Socket as OurSocket } from '../../../clients/typescript/dist/types/index.js'
import type {
  AdminClientToServerEvents,
  AdminServerToClientEvents,
  ClientToServerEvents,
  Mood,
  Page,
  ServerToClientEvents,
  Shape,
  UserJoined,
} from './events.js'

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io('http://localhost')

socket.on('chat message', (from, text, mood) => {
  const all: [string, string, Mood | null] = [from, text, mood]
  return all
})
socket.on('userJoined', (user) => {
  const { age, displayName, parent }: { age: number; displayName: string; parent: UserJoined | null } = user
  return [age, displayName, parent]
})
socket.on('program', (steps, [first], numbers) => {
  const step = steps[0]
  if (step !== undefined && typeof step !== 'string' && 'Move' in step) {
    const to: [number, number] = step.Move
    return to
  }
  const key: number | string = first
  const flag: boolean | undefined = numbers['1']
  return [key, flag]
})
socket.on('picture', (picture, thumbnail, anything) => {
  const bytes: (ArrayBuffer | Uint8Array | null)[] = [picture, thumbnail]
  const something: unknown = anything
  return [bytes, something]
})
socket.on('question', (text, ack) => ack(text.length))
socket.on('listed', (page, ack) => {
  const all: Page = page
  ack()
  return all
})

socket.emit('chat message', 'Ada', 'hi')
socket.emit('chat message', 'Ada', 'hi', 'friendly')
socket.emit('typing')
socket.emit('question', 'why?', (answer) => answer.toFixed())
socket.emit('userJoined', { displayName: 'Ada', tags: [null, 'a'], position: [1, 2] })
socket.emit('picture', new Uint8Array(1), null, { any: 'thing' })
socket.emit('shapes', { circle: 1 }, (problem, shapes) => {
  const all: [string | null, Shape[] | null] = [problem, shapes]
  return all
})
const answer: Promise<number> = socket.emitWithAck('question', 'why?')
const late: Promise<number> = socket.timeout(1000).emitWithAck('question', 'why?')
void [answer, late]

// @ts-expect-error: misspelt
socket.emit('chat mesage', 'Ada', 'hi')
// @ts-expect-error: an argument is missing
socket.emit('chat message', 'Ada')
// @ts-expect-error: of another type
socket.emit('chat message', 'Ada', 1)
// @ts-expect-error: no such mood
socket.emit('chat message', 'Ada', 'hi', 'sad')
// @ts-expect-error: the server needs to know where
socket.emit('userJoined', { displayName: 'Ada', tags: [] })
// @ts-expect-error: only the server emits it
socket.emit('program', [], [1, 2], {})
// @ts-expect-error: misspelt
socket.on('userjoined', () => {})
// @ts-expect-error: of another type
socket.on('question', (text: number, ack) => ack(text))
// @ts-expect-error: the answer is a number
socket.on('question', (text, ack) => ack(text))
// @ts-expect-error: the answer is a number
const wrong: Promise<string> = socket.emitWithAck('question', 'why?')
void wrong

const admin: Socket<AdminServerToClientEvents, AdminClientToServerEvents> = io('http://localhost/admin')
admin.emit('setLevel', 3)
// @ts-expect-error: the server emits nothing there
admin.on('anything', () => {})

const other: OurSocket<ServerToClientEvents, ClientToServerEvents> = ours('http://localhost')
other.on('userJoined', (user) => user.displayName.length)
other.emit('chat message', 'Ada', 'hi')
const otherAnswer: Promise<number> = other.emitWithAck('question', 'why?')
void otherAnswer
// @ts-expect-error: of another type
other.emit('chat message', 'Ada', 1)
