# python3 echo.py PORT: sends every message back.
import asyncio, logging, sys
import websockets

logging.disable(logging.CRITICAL)  # errors are what the cases are about


async def echo(client):
    async for message in client:
        await client.send(message)


async def main():
    print("version", websockets.__version__, flush=True)
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=1 << 20, ping_interval=None):
        await asyncio.Future()

asyncio.run(main())
