# python3 client.py ADDRESS plain|deflate CONNECTIONS: opens so many connections again and
# again, and sends every message back.
import asyncio, logging, sys
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

logging.disable(logging.CRITICAL)  # errors are what the cases are about
offer = [ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)]


async def connections():
    while True:
        try:
            async with websockets.connect(f"ws://{sys.argv[1]}/", max_size=1 << 20, ping_interval=None, compression=None,
                                          extensions=offer if sys.argv[2] == "deflate" else None) as server:
                async for message in server:
                    await server.send(message)
        except Exception:  # of a case
            pass
        await asyncio.sleep(0.005)


async def main():
    await asyncio.gather(*(connections() for _ in range(int(sys.argv[3]))))

asyncio.run(main())
