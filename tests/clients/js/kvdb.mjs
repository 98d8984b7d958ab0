// The key-value client kvdb.io as it is published, its Web Storage wrapper and its localForage driver.
// CLIENTS_NODE is the folder of installed packages, KV_URL the address of the key-value door.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test from 'node:test'

const require = createRequire(`${process.env.CLIENTS_NODE}/`)
const KVdb = require('kvdb.io')
const localforage = require('localforage')

KVdb.BASE_URL = process.env.KV_URL

async function bucket(form = {}) {
  const made = await fetch(KVdb.BASE_URL, { method: 'POST', body: new URLSearchParams({ email: 'me@example.com', ...form }) })
  assert.equal(made.status, 200)
  const id = await made.text()
  assert.match(id, /^[0-9A-Za-z]{22}$/)
  return KVdb.bucket(id, form.secret_key)
}

test('values are set, read and deleted', async () => {
  const b = await bucket()
  assert.equal(await b.set('foo', 'new value'), '')
  assert.equal(await b.get('foo'), 'new value')
  await b.set('a/b c', 'x')
  assert.equal(await b.get('a/b c'), 'x')
  assert.equal(await b.delete('foo'), '')
  await assert.rejects(b.get('foo'), { message: '404 - Not Found' })
})

test('counters answer their new value as text', async () => {
  const b = await bucket()
  assert.equal(await b.incr('n', 1), '1')
  assert.equal(await b.incr('n', '1'), '2')
  assert.equal(await b.incr('n', -5), '-3')
  assert.equal(await b.incr('f', 1.01), '1.01')
  await b.set('text', 'x')
  await assert.rejects(b.incr('text', 1), { message: '400 - Bad Request' })
})

test('lists have prefixes, ends, an order and values', async () => {
  const b = await bucket({ secret_key: 'secret' })
  for (const key of ['b2', 'a1', 'b1', 'c1']) await b.set(key, `of ${key}`)
  await b.incr('b3', 7)
  assert.deepEqual(await b.list(), ['a1', 'b1', 'b2', 'b3', 'c1'])
  assert.deepEqual(await b.list({ prefix: 'b', values: true }), [['b1', 'of b1'], ['b2', 'of b2'], ['b3', 7]])
  assert.deepEqual(await b.list({ skip: 1, limit: 2, reverse: true }), ['b3', 'b2'])
  const other = KVdb.bucket(b.id, 'wrong')
  await assert.rejects(other.list(), { message: '401 - Unauthorized' })
  await assert.rejects(KVdb.bucket(b.id).list(), { message: '403 - Forbidden' })
})

test('access tokens open what they are for', async () => {
  const b = await bucket({ secret_key: 'secret', signing_key: 'signing' })
  const permissions = ['read', 'write', 'enumerate']
  const token = await b.accessToken({ prefix: 'users:1:', ttl: 3600, permissions })
  const mine = KVdb.bucket(b.id, token)
  await mine.set('users:1:flavor', 'oatmeal')
  assert.equal(await mine.get('users:1:flavor'), 'oatmeal')
  assert.equal(await mine.incr('users:1:views', 1), '1')
  assert.deepEqual(await mine.list({ prefix: 'users:1:' }), ['users:1:flavor', 'users:1:views'])
  assert.deepEqual(await mine.list({ values: true }), [['users:1:flavor', 'oatmeal'], ['users:1:views', 1]])
  await assert.rejects(mine.set('users:2:flavor', 'x'), { message: '403 - Forbidden' })
  await assert.rejects(mine.list({ prefix: 'users:' }), { message: '403 - Forbidden' })
})

test('the Web Storage wrapper works as one expects of storage', async () => {
  const storage = (await bucket()).localStorage()
  await storage.setItem('k1', 'v1')
  await storage.setItem('k2', 'v2')
  assert.equal(await storage.length(), 2)
  assert.deepEqual(await storage.key(1), ['k2'])
  assert.equal(await storage.getItem('k1'), 'v1')
  assert.equal(await storage.getItem('none'), null)
  await storage.removeItem('k1')
  assert.equal(await storage.length(), 1)
  await storage.clear()
  assert.equal(await storage.length(), 0)
})

// The driver's key() fails on a name that it does not define, whatever the server answers, and its iterate() takes every
// value for text, which JSON that is listed as JSON is not: neither is asked for here.
test('the localForage driver keeps what JSON can say', async () => {
  KVdb.installLocalForageDriver(localforage)
  localforage.config({ bucket: await bucket() })
  await localforage.setDriver([KVdb.LOCALFORAGE_DRIVER])
  for (const [key, value] of [['list', [1, 2, 'three']], ['text', 'bar'], ['object', { a: null }]]) {
    assert.deepEqual(await localforage.setItem(key, value), value)
    assert.deepEqual(await localforage.getItem(key), value)
  }
  assert.deepEqual(await localforage.keys(), ['list', 'object', 'text'])
  assert.equal(await localforage.length(), 3)
  await assert.rejects(localforage.getItem('none'), { message: '404 - Not Found' })
  await localforage.removeItem('list')
  assert.deepEqual(await localforage.keys(), ['object', 'text'])
  await localforage.clear()
  assert.equal(await localforage.length(), 0)
})
