// What `sockeye-contract` wrote of its tests' types (crates/contract/tests/written.rs) is what others take: the
// declarations are the official client's and ours, the document is one of AsyncAPI.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Ajv from 'ajv'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const json = (name) => JSON.parse(readFileSync(name, 'utf8'))

test('the declarations are taken by the types of the official client and of ours', () => {
  const tsc = spawnSync(path('node_modules/.bin/tsc'), ['-p', path('contract')], { encoding: 'utf8' })
  assert.equal(tsc.error, undefined)
  assert.equal(tsc.stdout, '')
  assert.equal(tsc.status, 0)
})

test('the document is valid by the schema of AsyncAPI 3.0.0', () => {
  const specs = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  // Its formats are not what is asked here; its keywords are its own.
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(json(specs))
  const document = json(path('contract/asyncapi.json'))
  assert.ok(validate(document), JSON.stringify(validate.errors, null, 2))
  document.channels.default.addres = '/'
  assert.ok(!validate(document), 'the schema takes a misspelt member')
})

test('every reference in the document leads somewhere, and its payloads are what goes over the wire', () => {
  const document = json(path('contract/asyncapi.json'))
  const follow = (reference) => reference.slice(2).split('/').reduce((at, key) => at?.[key], document)
  let references = 0
  const walk = (value) => {
    if (typeof value !== 'object' || value === null) return
    if (typeof value.$ref === 'string') {
      references += 1
      assert.notEqual(follow(value.$ref), undefined, value.$ref)
    }
    Object.values(value).forEach(walk)
  }
  walk(document)
  assert.ok(references > 10)

  const payload = (name) => {
    const schema = { ...document.channels.default.messages[name].payload, components: document.components }
    return new Ajv({ strict: false, validateFormats: false }).compile(schema)
  }
  const message = payload('receive.chat_message')
  assert.ok(message(['Ada', 'hi']) && message(['Ada', 'hi', null]) && message(['Ada', 'hi', 'angry']))
  assert.ok(!message(['Ada']) && !message(['Ada', 1]) && !message(['Ada', 'hi', 'sad']))
  const joined = payload('send.userJoined')
  const user = { displayName: 'Ada', age: 1, tags: ['a', null], position: [1, 2], parent: null }
  assert.ok(joined([user]) && joined([{ ...user, parent: user }]))
  assert.ok(!joined([{ ...user, position: [1] }]) && !joined([{ ...user, parent: 1 }]))
})
