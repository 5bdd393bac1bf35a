// node fluent_logger.cjs PORT MODE FIRST LAST: as fluent_org.cjs, but with fluent-logger. MODE
// is Message, PackedForward or CompressedPackedForward.
const fs = require('node:fs')
const { createFluentSender, EventTime } = require('fluent-logger')

const [port, mode, first, last] = process.argv.slice(2)
const { SHARED_KEY, USERNAME, PASSWORD, CA } = process.env

// The library gives up a record whose confirmation does not come, and a connection that
// fails. So each part has a sender of its own, and is sent again until all is confirmed.
async function send (from, to) {
  const sender = createFluentSender('app', {
    eventMode: mode,
    host: 'localhost',
    port: Number(port),
    timeout: 5,
    enableReconnect: false,
    requireAckResponse: true,
    ackResponseTimeout: 1500, // over TLS it misses a confirmation now and then, and waits for all of this
    flushInterval: 10,
    tls: Boolean(CA),
    tlsOptions: CA ? { ca: fs.readFileSync(CA) } : {},
    ...(SHARED_KEY && { security: { clientHostname: 'client.example', sharedKey: SHARED_KEY, username: USERNAME, password: PASSWORD } }),
    internalLogger: { info: () => {}, error: () => {} }
  })
  const failed = new Promise((_resolve, reject) => sender.on('error', reject))
  const sent = []
  for (let seq = from; seq <= to; seq++) {
    sent.push(new Promise((resolve, reject) => {
      sender.emit(`tag${seq % 3}`, { message: `a line seq=${seq}` }, new EventTime(1612563429 + seq, seq * 49999),
        error => error ? reject(error) : resolve())
    }))
  }
  try {
    await Promise.race([Promise.all(sent), failed, new Promise((_resolve, reject) => setTimeout(reject, 10000).unref())])
    return true
  } catch {
    return false
  } finally {
    failed.catch(() => {})
    sender._disconnect()
  }
}

async function main () {
  const atOnce = 500
  for (let next = Number(first); next <= Number(last); next += atOnce) {
    const to = Math.min(next + atOnce - 1, Number(last))
    while (!await send(next, to)) await new Promise(resolve => setTimeout(resolve, 200))
    console.log('confirmed', to)
  }
}
process.on('unhandledRejection', () => {}) // of records whose part is sent again
main().then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
