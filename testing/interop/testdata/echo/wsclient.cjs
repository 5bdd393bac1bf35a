// node wsclient.cjs ADDRESS plain|deflate CONNECTIONS: opens so many connections again and
// again, and sends every message back.
const WebSocket = require('ws')

const [address, mode, connections] = process.argv.slice(2)
const perMessageDeflate = mode === 'deflate' && { clientNoContextTakeover: true, serverNoContextTakeover: true, clientMaxWindowBits: undefined }

function open () {
  const socket = new WebSocket(`ws://${address}/`, { perMessageDeflate, maxPayload: 1 << 20 })
  socket.on('error', () => {}) // of a case
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
  socket.on('close', () => setTimeout(open, 5))
}

for (let i = 0; i < Number(connections); i++) open()
