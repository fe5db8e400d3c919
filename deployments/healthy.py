"""python healthy.py URL [seconds]: exit code 0 as soon as URL answers, 1 when it does not in time (default 240 s)."""

import sys
import threading
import urllib.request

url, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 240
for _ in range(max(seconds, 1)):
    try:
        urllib.request.urlopen(url, timeout=5).close()
        sys.exit(0)
    except OSError as error:
        reason = error
    threading.Event().wait(1.0)
sys.exit(f"{url} does not answer: {reason}")
