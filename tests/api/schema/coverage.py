# SPDX-License-Identifier: GPL-2.0-or-later
"""Which routes were answered in a way the API's file knows.

    coverage.py SEEN ROUTES: SEEN has lines "METHOD /path STATUS" as schema_proxy.py writes them,
    ROUTES is what `crun-lited --print-routes` prints. Fails when a route was never answered.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "harness"))
from engine_schema import Schema  # noqa: E402

# Not in the API's file: swarm mode, what BuildKit asks, and checkpoints.
OUTSIDE = re.compile(r"/(swarm|nodes|services|tasks|secrets|configs|session|grpc|metrics)\b|/checkpoints|\?ws")


def main():
    schema = Schema()
    seen = {}
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            method, path, status = line.split()
            seen.setdefault(f"{method} {path}", set()).add(int(status))
    missing, known = [], 0
    with open(sys.argv[2], encoding="utf-8") as f:
        for line in f:
            fields = line.split()
            if len(fields) < 2 or not fields[1].startswith("/") or OUTSIDE.search(fields[1]):
                continue
            route, _ = schema.find(fields[0], fields[1].replace("*", "x"))
            if route is None:
                missing.append(f"{fields[0]} {fields[1]}: the API has no such route")
            elif not seen.get(route):
                missing.append(f"{route}: no test asks for it")
            else:
                known += 1
    total = sum(len(s) for s in seen.values())
    print(f"# schema: {known} routes, {total} kinds of answers checked")
    for m in missing:
        print(f"# {m}")
    return 1 if missing else 0


sys.exit(main())
