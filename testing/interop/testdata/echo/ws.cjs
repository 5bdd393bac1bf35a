// node ws.cjs PORT: sends every message back.
const { WebSocketServer } = require('ws')
const { version } = require('ws/package.json')

console.log('version', version)
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: true, maxPayload: 1 << 20 })
server.on('connection', socket => {
  socket.on('error', () => {}) // of a case
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
})
