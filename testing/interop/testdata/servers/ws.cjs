// node ws.cjs FILE PORT: appends what comes to FILE, a line a message.
const fs = require('node:fs')
const { WebSocketServer } = require('ws')
const { version } = require('ws/package.json')

console.log('version', version)
const file = fs.openSync(process.argv[2], 'a')
fs.writeSync(file, '\n') // ends half a line that a kill left behind

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[3]), perMessageDeflate: true })
server.on('connection', socket => {
  console.log('connection', socket.protocol)
  socket.on('error', () => {}) // what was not confirmed is sent again
  // Not async: ws answers the Ping behind a message after this has returned.
  socket.on('message', message => fs.appendFileSync(file, message + '\n'))
})
