"""Runs under Wine: bytes through Windows' spooler to a queue, by our transport; tells the queues and what was refused."""

from __future__ import annotations

import sys

from drivers.transport.address import endpoint
from drivers.vocabulary.errors import TransportUnavailable

#: A slip's beginning and end, and every byte there is between them.
DOCUMENT = b"\x1b@" + bytes(range(256)) * 4 + b"\x1dV\x00"


def main() -> int:
    """Print one document on the queue told."""
    line = endpoint(f"spool:{sys.argv[1]}").open(5)
    assert line is not None
    line.write(DOCUMENT, 30)
    line.close()
    try:
        endpoint("spool:NOTHERE").open(5)
    except TransportUnavailable as error:
        print(f"refused {error}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
