# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs rows of the fault matrix and prints a table, ours and, if asked and installed, dockerd's beside it.

    run.py [--beside-docker] [--rows N,N,...] BUSYBOX.tar

Exit status 1 when crun-lite does not reach what is owed in some row; what dockerd reaches is shown only.
"""
import argparse
import os
import shutil
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "harness"))
from engine import CrunLite, Docker, Failed  # noqa: E402
from ground import prepared  # noqa: E402
from rows import ROWS  # noqa: E402


def attempt(kind, row, archive):
    """(reached, what was seen). Each row has an engine of its own: what one breaks stays with it."""
    engine = None
    ground = prepared(kind, getattr(row, "needs", None))
    try:
        engine = ground.__enter__()  # pylint: disable=unnecessary-dunder-call
        engine.start(env=getattr(engine, "daemon_env", None))
        engine.docker("load", "-q", "-i", archive)
        engine.docker("run", "--rm", "busybox", "true")
        time.sleep(0.2)
        engine.mounts0, engine.links0 = engine.mounts(), engine.links()
        engine.gateway = lambda: engine.docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
        return True, row(engine)
    except Failed as e:
        return False, str(e)
    except Exception as e:  # a fault in an engine shows in many ways, and the table goes on
        if os.environ.get("FAULT_TRACE"):
            traceback.print_exc()
        return False, f"{type(e).__name__}: {e}"
    finally:
        if engine:
            engine.end()
            ground.__exit__(None, None, None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("archive")
    parser.add_argument("--beside-docker", action="store_true")
    parser.add_argument("--rows")
    options = parser.parse_args()
    rows = [r for r in ROWS if not options.rows or r.__name__.split("_")[1] in options.rows.split(",")]
    beside = options.beside_docker and shutil.which("dockerd")
    bad = 0
    print(f"1..{len(rows)}")
    for n, row in enumerate(rows, 1):
        ok, seen = attempt(CrunLite, row, options.archive)
        bad += not ok
        print(f"{'ok' if ok else 'not ok'} {n} fault {row.__doc__}: {seen}", flush=True)
        if beside:
            ok, seen = attempt(Docker, row, options.archive)
            print(f"#      dockerd: {'reached' if ok else 'NOT REACHED'}: {seen}"[:300], flush=True)
    return 1 if bad else 0


sys.exit(main())
