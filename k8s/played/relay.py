"""A long line, as to another continent: passes TCP on with a delay each way. `relay.py PORT TARGET-HOST TARGET-PORT SECONDS`

Words on its standard input say what else happens, and each is printed again when it has: `hold up` and `hold down` let nothing pass towards
the target or back from it, `pass` ends that, and `cut` ends all connections at once.
"""

import asyncio
import sys

UP, DOWN = "up", "down"


class Relay:
    def __init__(self, target, delay):
        self.target, self.delay = target, delay
        self.passing = {way: asyncio.Event() for way in (UP, DOWN)}
        self.open = set()
        self.let_pass()

    def let_pass(self):
        for passing in self.passing.values():
            passing.set()

    def do(self, word):
        if word == "cut":
            for writer in self.open:
                writer.transport.abort()
        elif word == "pass":
            self.let_pass()
        else:
            self.passing[word.removeprefix("hold ")].clear()

    async def serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self.open |= ends
        try:
            await asyncio.gather(self.carry(UP, reader, far_writer), self.carry(DOWN, far_reader, writer))
        except OSError:
            pass
        finally:
            self.open -= ends
            for end in ends:
                end.transport.abort()

    async def carry(self, way, reader, writer):
        """What is under way waits in a queue with the time at which it arrives; an empty piece is the end."""
        under_way = asyncio.Queue(maxsize=256)
        sending = asyncio.create_task(self.arrive(way, under_way, writer))
        try:
            piece = True
            while piece:
                piece = await reader.read(65536)
                await under_way.put((asyncio.get_running_loop().time() + self.delay, piece))
            await sending
        finally:
            sending.cancel()

    async def arrive(self, way, under_way, writer):
        while True:
            when, piece = await under_way.get()
            await asyncio.sleep(when - asyncio.get_running_loop().time())
            await self.passing[way].wait()
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()


async def main():
    port, host, target_port, delay = sys.argv[1:]
    relay = Relay((host, int(target_port)), float(delay))
    await asyncio.start_server(relay.serve, None, int(port))
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    print("ready", flush=True)
    async for line in words:
        word = line.decode().strip()
        relay.do(word)
        print(word, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
