// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// The same as reader.py, with what Node has and npm's @msgpack/msgpack.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { decodeMulti, ExtensionCodec } from '@msgpack/msgpack'

class EventTime {
  constructor(data) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    this.seconds = view.getUint32(0)
    this.nanoseconds = view.getUint32(4)
  }
}

const extensionCodec = new ExtensionCodec()
extensionCodec.register({ type: 0, encode: () => null, decode: (data) => new EventTime(data) })

const hex = (data) => Buffer.from(data).toString('hex')

function number(value) {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Number.isInteger(value)) return BigInt(value).toString()
  const bits = Buffer.alloc(8)
  bits.writeDoubleBE(value)
  return bits.toString('hex')
}

function canonical(value) {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return ['n', number(value)]
  if (typeof value === 'bigint') return ['n', value.toString()]
  if (typeof value === 'string') return ['s', hex(value)]
  if (value instanceof EventTime) return ['t', value.seconds, value.nanoseconds]
  if (value instanceof Uint8Array) return ['b', hex(value)]
  if (Array.isArray(value)) return ['l', ...value.map(canonical)]
  return ['m', Object.fromEntries(Object.entries(value).map(([k, v]) => [hex(k), canonical(v)]))]
}

const unpacked = (data) => [...decodeMulti(data, { extensionCodec, useBigInt64: true })]

function forward(data) {
  return unpacked(data).flatMap(([tag, ...request]) => {
    if (request[0] instanceof EventTime || typeof request[0] === 'bigint') return [[tag, request[0], request[1]]]
    let [entries, option] = request
    if (option.compressed === 'gzip') entries = gunzipSync(entries)
    if (entries instanceof Uint8Array) entries = unpacked(entries)
    if (option.size !== entries.length) throw new Error(`size ${option.size} of ${entries.length}`)
    return entries.map((entry) => [tag, ...entry])
  })
}

function form(data) {
  const fields = {}
  for (const [name, value] of new URLSearchParams(data.toString('latin1'))) (fields[name] ??= []).push(value)
  return fields
}

const text = (data) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
const lines = (data) => text(data).replace(/\n$/, '').split('\n')

const read = {
  json: (data) => [JSON.parse(text(data))],
  json_lines: (data) => lines(data).map((line) => JSON.parse(line)),
  json_array: (data) => JSON.parse(text(data)),
  msgpack: unpacked,
  forward,
  form: (data) => [form(data)]
}[process.argv[2]]

const input = readFileSync(0)
for (let at = 0; at < input.length;) {
  const length = input.readUInt32BE(at)
  console.log(JSON.stringify(read(input.subarray(at + 4, at + 4 + length)).map(canonical)))
  at += 4 + length
}
