"""`curl -s URL -d BODY` for machines without curl: the README's request, by other means."""

from __future__ import annotations

import sys
import urllib.request

url, body = sys.argv[2], sys.argv[4]
with urllib.request.urlopen(urllib.request.Request(url, body.encode())) as answer:
    print(answer.read().decode())
