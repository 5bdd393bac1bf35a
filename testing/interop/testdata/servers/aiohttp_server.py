# python3 aiohttp_server.py FILE PORT: appends what comes to FILE, a line a message.
import sys
import aiohttp
from aiohttp import web

print("version", aiohttp.__version__, flush=True)
file = open(sys.argv[1], "ab", buffering=0)
file.write(b"\n")  # ends half a line that a kill left behind


async def handle(request):
    client = web.WebSocketResponse(protocols=["logs.v1"])
    await client.prepare(request)
    print("connection", client.ws_protocol, flush=True)
    async for message in client:  # a Ping is answered in here, in its turn
        if message.type == aiohttp.WSMsgType.TEXT:
            file.write(message.data.encode() + b"\n")
    return client


app = web.Application()
app.router.add_get("/ingest", handle)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=None)
