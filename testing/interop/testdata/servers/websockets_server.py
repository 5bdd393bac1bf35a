# python3 websockets_server.py FILE PORT: appends what comes to FILE, a line a message.
import asyncio, sys
import websockets

file = open(sys.argv[1], "ab", buffering=0)
file.write(b"\n")  # ends half a line that a kill left behind


class Storing(websockets.WebSocketServerProtocol):
    # The library reads ahead of the application (max_queue), and answers the Pings
    # that it finds there. So a message is stored where it is read, not where it
    # is handled.
    async def read_message(self):
        message = await super().read_message()
        if message is not None:
            file.write(message.encode() + b"\n")
        return message


async def handle(client):
    print("connection", client.subprotocol, flush=True)
    async for _ in client:
        pass


async def main():
    print("version", websockets.__version__, flush=True)
    port = int(sys.argv[2])
    async with websockets.serve(handle, "127.0.0.1", port, create_protocol=Storing, subprotocols=["logs.v1"]):
        await asyncio.Future()

asyncio.run(main())
