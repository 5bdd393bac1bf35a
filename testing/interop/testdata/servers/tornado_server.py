# python3 tornado_server.py FILE PORT: appends what comes to FILE, a line a message.
import asyncio, sys
import tornado, tornado.web, tornado.websocket

print("version", tornado.version, flush=True)
file = open(sys.argv[1], "ab", buffering=0)
file.write(b"\n")  # ends half a line that a kill left behind


class Handler(tornado.websocket.WebSocketHandler):
    def select_subprotocol(self, offered):
        return "logs.v1" if "logs.v1" in offered else None

    def get_compression_options(self):
        return {}  # on

    def open(self):
        print("connection", self.selected_subprotocol, flush=True)

    def on_message(self, message):  # Tornado reads on when this has returned
        file.write(message.encode() + b"\n")


async def main():
    app = tornado.web.Application([("/ingest", Handler)])
    app.listen(int(sys.argv[2]), "127.0.0.1")
    await asyncio.Event().wait()

asyncio.run(main())
