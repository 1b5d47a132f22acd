# SPDX-License-Identifier: GPL-2.0-or-later
"""What a row stands on: a small disk that may fill up, a disk whose crash images can be taken, a clock."""
import contextlib
import os
import shutil
import subprocess
import tempfile

from engine import Failed


def sh(*args):
    r = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if r.returncode:
        raise Failed(f"{' '.join(args)}: {r.stdout.decode(errors='replace').strip()[-150:]}")


@contextlib.contextmanager
def mounted(image, options="loop"):
    target = tempfile.mkdtemp(prefix="crl-disk.")
    sh("mount", "-o", options, image, target)
    try:
        yield target
    finally:
        subprocess.run(["umount", "-l", target], check=False)
        os.rmdir(target)


@contextlib.contextmanager
def disk(kind, folder):
    """An engine whose data lie on an ext4 of 128 MB."""
    image = folder + "/disk.img"
    with open(image, "wb") as f:
        f.truncate(128 << 20)
    sh("mkfs.ext4", "-q", "-F", image)
    with mounted(image, "loop,errors=remount-ro") as target:
        engine = kind(target)
        engine.disk = target
        yield engine


@contextlib.contextmanager
def crash(kind, folder):
    """
    An engine whose data lie on an ext4 in a file on an XFS that can share blocks: a copy of the file
    is made at once and holds what reached the "disk" so far, which is what a power cut leaves.
    """
    pool_image = folder + "/pool.img"
    with open(pool_image, "wb") as f:
        f.truncate(2 << 30)
    sh("mkfs.xfs", "-q", "-m", "reflink=1", pool_image)
    with mounted(pool_image) as pool:
        image = pool + "/disk.img"
        with open(image, "wb") as f:
            f.truncate(256 << 20)
        sh("mkfs.ext4", "-q", "-F", image)
        with mounted(image) as target:
            engine = kind(target)
            engine.image, engine.pool = image, pool

            @contextlib.contextmanager
            def another(copy):
                with mounted(copy) as place:
                    other = kind(place)
                    try:
                        yield other
                    finally:
                        other.end()
            engine.another = another
            yield engine


@contextlib.contextmanager
def clock(kind, folder):
    """An engine whose daemon asks a wall clock that we turn; timers of the kernel run on."""
    shim, setting = folder + "/clock.so", folder + "/clock"
    sh("cc", "-O1", "-shared", "-fPIC", "-o", shim, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock.c"), "-ldl")

    def fake_clock(days):
        with open(setting + ".new", "w", encoding="utf-8") as f:
            f.write(str(days * 86400))
        os.rename(setting + ".new", setting)
    fake_clock(0)
    engine = kind()
    engine.fake_clock = fake_clock
    engine.daemon_env = {"LD_PRELOAD": shim, "CRL_CLOCK": setting}
    yield engine


@contextlib.contextmanager
def prepared(kind, needs):
    folder = tempfile.mkdtemp(prefix="crl-ground.")
    try:
        if needs is None:
            yield kind()
        else:
            with {"disk": disk, "crash": crash, "clock": clock}[needs](kind, folder) as engine:
                yield engine
    finally:
        shutil.rmtree(folder, ignore_errors=True)
