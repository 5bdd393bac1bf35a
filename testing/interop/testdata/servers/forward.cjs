// node forward.cjs FILE PORT: a server of Fluent Forward over TCP. It appends what comes to
// FILE, a line an entry: {"tag", "time", "record"}, with the time as "SECONDS.NANOSECONDS".
// SHARED_KEY, USERNAME and PASSWORD in the environment are what a client has to know.
const fs = require('node:fs')
const { FluentServer } = require('@fluent-org/logger')
const { version } = require('@fluent-org/logger/package.json')

console.log('version', version)
const file = fs.openSync(process.argv[2], 'a')
fs.writeSync(file, '\n') // ends half a line that a kill left behind

const { SHARED_KEY, USERNAME, PASSWORD } = process.env
const server = new FluentServer({
  listenOptions: { host: '127.0.0.1', port: Number(process.argv[3]) },
  security: SHARED_KEY && {
    serverHostname: 'forward.example',
    sharedKey: SHARED_KEY,
    authorize: Boolean(USERNAME),
    userDict: USERNAME ? { [USERNAME]: PASSWORD } : {}
  }
})
// The library writes a confirmation before it hands over the entries, in the same turn of
// the event loop. So a confirmation waits for the next turn: by then they are in the file.
server.server.prependListener('connection', socket => {
  socket.on('error', () => {}) // what was not confirmed is sent again
  const write = socket.write.bind(socket)
  socket.write = content => setImmediate(write, content)
})
server.on('entry', (tag, time, record) => {
  const stamp = typeof time === 'number' ? String(time) : `${time.epoch}.${String(time.nano).padStart(9, '0')}`
  fs.writeSync(file, JSON.stringify({ tag, time: stamp, record }) + '\n')
})
server.listen()
