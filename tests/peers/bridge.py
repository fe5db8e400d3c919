"""Serve one LabMCP simulator over TCP. Run by the interpreter of the peers' environment, never imported by ours.

`python bridge.py MODULE CLASS WRITE_END READ_END KEYWORDS`, ends and keywords as JSON; prints the port.
"""

import importlib
import json
import socket
import sys

from labmcp.transports.sim import SimulatedTransport


def main() -> None:
    module, name, write_end, read_end, keywords = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:6])
    simulator = getattr(importlib.import_module(module), name)(**keywords)
    transport = SimulatedTransport(simulator, write_termination=write_end, read_termination=read_end)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        client, _ = listener.accept()
        client.settimeout(0.02)
        serve(client, transport)


def serve(client: socket.socket, transport: SimulatedTransport) -> None:
    """Pass bytes both ways until the client hangs up."""
    with client:
        while True:
            try:
                data = client.recv(4096)
                if not data:
                    return
                transport._write(data)
            except TimeoutError:
                pass
            except OSError:
                return
            answer = transport._read(65536, 0.02)
            if answer:
                client.sendall(answer)


main()
