// node fluent_org.cjs PORT MODE FIRST LAST: sends the numbered records FIRST to LAST to a
// Forward server on PORT with @fluent-org/logger, and ends when all are confirmed. MODE is
// Message, Forward, PackedForward or CompressedPackedForward. A record {"message": "… seq=N"}
// has the tag app.tagM with M = N mod 3, and the time 1612563429 + N s and N * 49999 ns.
// SHARED_KEY, USERNAME and PASSWORD in the environment are for the handshake, and CA is the
// file of a certificate authority: with it, TLS.
const fs = require('node:fs')
const { FluentClient, EventTime } = require('@fluent-org/logger')

const [port, mode, first, last] = process.argv.slice(2)
const { SHARED_KEY, USERNAME, PASSWORD, CA } = process.env
const client = new FluentClient('app', {
  eventMode: mode,
  ack: { ackTimeout: 5000 },
  // Once a connection ends, every record that waits for its confirmation goes out again.
  eventRetry: { attempts: 1000, delay: 200, maxDelay: 1000, backoff: 1 },
  flushInterval: 10,
  sendQueueIntervalFlushLimit: { length: 100 },
  socket: {
    host: 'localhost',
    port: Number(port),
    timeout: -1,
    reconnect: { delay: 200, maxDelay: 1000 },
    tls: CA && { ca: fs.readFileSync(CA) }
  },
  security: SHARED_KEY && { clientHostname: 'client.example', sharedKey: SHARED_KEY, username: USERNAME, password: PASSWORD }
})
client.socketOn('error', () => {}) // it connects again

async function main () {
  // No more than this are under way at a time, so that there is a middle to be killed in.
  const atOnce = 1000
  for (let next = Number(first); next <= Number(last); next += atOnce) {
    const waiting = []
    for (let seq = next; seq < next + atOnce && seq <= Number(last); seq++) {
      waiting.push(client.emit(`tag${seq % 3}`, { message: `a line seq=${seq}` }, new EventTime(1612563429 + seq, seq * 49999)))
    }
    await Promise.all(waiting)
    console.log('confirmed', Math.min(next + atOnce - 1, Number(last)))
  }
  await client.disconnect()
}
main().catch(error => {
  console.error(error)
  process.exit(1)
})
