#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Hostile and odd archives against the real worker. Each is either refused with
a message that names the culprit and leaves nothing, or is unpacked without
harm. Needs root (owners, devices, trusted attributes).
"""
import bz2
import hashlib
import json
import lzma
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import worker  # noqa: E402
from archives import *  # noqa: E402,F403

XATTR = "trusted.overlay.opaque"


def snapshot(path):
    out = []
    for top, dirs, files in os.walk(path):
        for n in sorted(dirs + files):
            p = os.path.join(top, n)
            st = os.lstat(p)
            data = b""
            if stat.S_ISREG(st.st_mode):
                with open(p, "rb") as f:
                    data = f.read()
            out.append((p, st.st_mode, st.st_uid, st.st_nlink, st.st_mtime_ns, data,
                        tuple(os.listxattr(p, follow_symlinks=False))))
    return out


class Base(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="crl-image-")
        self.root = os.path.join(self.dir, "root")
        self.victim = os.path.join(self.dir, "victim")
        os.mkdir(self.victim)
        os.mkdir(self.victim + "/dir")
        with open(self.victim + "/file", "w") as f:
            f.write("untouched")
        self.before = snapshot(self.victim)

    def tearDown(self):
        self.assertEqual(snapshot(self.victim), self.before, "something outside was touched")
        subprocess.run(["rm", "-rf", self.dir], check=True)

    def leftovers(self):
        return sorted(d + "/" + n for d in ("tmp", "layers", "blobs/sha256")
                      if os.path.isdir(os.path.join(self.root, d))
                      for n in os.listdir(os.path.join(self.root, d)))

    def refused(self, archive, *words, code=None):
        before = self.leftovers()
        with self.assertRaises(worker.Failed) as caught:
            worker.run("load", self.root, archive)
        for w in words:
            self.assertIn(w, str(caught.exception))
        self.assertNotIn("ended with status", str(caught.exception))
        if code is not None:
            self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.leftovers(), before)
        return str(caught.exception)

    def loads(self, archive):
        result, self.shown = worker.run("load", self.root, archive)
        self.assertEqual(os.listdir(self.root + "/tmp"), [])
        return result["images"]

    def fs(self, plain, *path):
        return os.path.join(self.root, "layers", hashlib.sha256(plain).hexdigest(), "fs", *path)

    def read(self, plain, *path):
        with open(self.fs(plain, *path), "rb") as f:
            return f.read()

    def refused_layer(self, *parts, words=(), end=END):
        return self.refused(docker_archive([layer(*parts, end=end)]), *words)

    def loads_layer(self, *parts, end=END):
        plain = layer(*parts, end=end)
        self.loads(docker_archive([plain]))
        return plain


class Names(Base):
    def test_dot_dot(self):
        name = "../" * 24 + self.victim.lstrip("/") + "/pwned"
        self.refused_layer(entry(name[-100:] if len(name) > 100 else name), words=["..", "out of"])
        self.refused_layer(entry("a/../../x"), words=["a/../../x"])
        self.refused_layer(pax(("path", name)), entry("short"), words=["../"])

    def test_absolute_is_below_the_root(self):
        p = self.loads_layer(entry("/etc/abs", b"x"))
        self.assertEqual(self.read(p, "etc/abs"), b"x")

    def test_symlink_parent_escape(self):
        self.refused_layer(link("lnk", self.victim), entry("lnk/pwned", b"x"), words=["lnk/pwned"])
        self.refused_layer(link("lnk", "../../../../../../../.." + self.victim),
                           entry("lnk/pwned", b"x"), words=["lnk/pwned"])

    def test_symlink_inside_is_followed_inside(self):
        p = self.loads_layer(folder("run"), folder("var"), link("var/run", "/run"),
                             entry("var/run/pid", b"7"))
        self.assertEqual(self.read(p, "run/pid"), b"7")

    def test_replaced_parent(self):
        self.refused_layer(folder("d"), entry("d/x", b"1"), link("d", self.victim),
                           entry("d/pwned", b"2"), words=["d/pwned"])

    def test_root_as_symlink(self):
        self.refused_layer(link(".", self.victim), entry("pwned"), words=["root of a layer"])

    def test_dir_over_symlink(self):
        p = self.loads_layer(link("d", self.victim + "/dir"),
                             folder("d", mode=0o777, uid=1234))
        self.assertTrue(stat.S_ISDIR(os.lstat(self.fs(p, "d")).st_mode))
        self.assertEqual(os.lstat(self.fs(p, "d")).st_uid, 1234)

    def test_xattr_and_chown_through_symlink(self):
        self.loads_layer(pax(("SCHILY.xattr.user.pwn", "1")),
                         link("s", self.victim + "/file", uid=1234, mode=0o777))

    def test_long_component_and_path(self):
        self.refused_layer(pax(("path", "a" * 256)), entry("x"), words=["255 bytes"])
        self.refused_layer(pax(("path", "/".join(["b" * 200] * 25))), entry("x"), words=["4095"])

    def test_deep_path(self):
        name = "/".join(["d"] * 2000)
        p = self.loads_layer(pax(("path", name)), entry("x", b"deep"))
        os.chdir(self.fs(p))
        for _ in range(1999):
            os.chdir("d")
        with open("d", "rb") as f:
            self.assertEqual(f.read(), b"deep")
        os.chdir("/")

    def test_deep_path_is_removed_after_a_failure(self):
        name = "/".join(["d"] * 2000)
        self.refused_layer(pax(("path", name)), entry("x", b"deep"), entry("../x"), words=["../x"])

    def test_latin1_name(self):
        p = self.loads_layer(entry(b"caf\xe9", b"x"))
        self.assertIn(b"caf\xe9", os.listdir(self.fs(p).encode()))

    def test_v7_directory(self):
        p = self.loads_layer(entry("old/", magic=b"\0" * 8, mode=0o755))
        self.assertTrue(os.path.isdir(self.fs(p, "old")))

    def test_file_as_parent(self):
        self.refused_layer(entry("f", b"1"), entry("f/x", b"2"), words=["f/x"])


class Links(Base):
    def test_hard_link_outside(self):
        for target in ("../../" + self.victim + "/file", self.victim + "/file"):
            self.refused_layer(link("steal", target, b"1"), words=["steal"])

    def test_hard_link_through_symlink(self):
        self.refused_layer(link("d", self.victim), link("h", "d/file", b"1"), entry("h", b"over"),
                           words=["h: hard link to d/file"])

    def test_odd_targets(self):
        self.refused_layer(folder("d"), link("h", "d", b"1"), words=["h:"])
        self.refused_layer(entry("f"), link("f", "f", b"1"), words=["itself"])
        self.refused_layer(link("h", "missing", b"1"), words=["missing"])
        self.refused_layer(entry(".wh.x"), link("h", ".wh.x", b"1"), words=["h:"])
        self.refused_layer(entry("f"), link(".wh.y", "f", b"1"), words=[".wh.y"])

    def test_good(self):
        p = self.loads_layer(entry("a", b"x"), link("b", "a", b"1"), link("s", "nowhere"),
                             link("t", "s", b"1"))
        self.assertEqual(os.stat(self.fs(p, "a")).st_ino, os.stat(self.fs(p, "b")).st_ino)
        self.assertEqual(os.readlink(self.fs(p, "t")), "nowhere")

    def test_data_of_a_hard_link_is_skipped(self):
        p = self.loads_layer(entry("a", b"x"), header("b", 3, b"1", link="a") + padded(b"abc"),
                             entry("c", b"y"))
        self.assertEqual(self.read(p, "b") + self.read(p, "c"), b"xy")


class Replacing(Base):
    def test_last_wins(self):
        p = self.loads_layer(entry("f", b"one"), link("g", "f", b"1"), entry("f", b"two"))
        self.assertEqual((self.read(p, "f"), self.read(p, "g")), (b"two", b"one"))

    def test_kinds(self):
        p = self.loads_layer(entry("a", b"1"), folder("a"), entry("a/in", b"x"), entry("a", b"2"),
                             link("s", self.victim + "/file"), entry("s", b"mine"),
                             header("p", kind=b"6"), entry("p", b"pipe"),
                             header("z", kind=b"3", major=1, minor=5), entry("z", b"zero"))
        self.assertEqual([self.read(p, n) for n in "aspz"], [b"2", b"mine", b"pipe", b"zero"])


class Devices(Base):
    def test_whiteout_device(self):
        self.refused_layer(header("w", kind=b"3"), words=["w:", "0:0"])

    def test_number_out_of_range(self):
        big = b"\x80\0\0\0\0\x10\0\0"
        h = bytearray(header("dev", kind=b"3", minor=3))
        h[329:337] = big
        h[148:156] = b" " * 8
        h[148:156] = b"%06o\0 " % sum(h)
        self.refused_layer(bytes(h), words=["dev", "device number"])

    def test_node(self):
        p = self.loads_layer(header("null", kind=b"3", major=1, minor=3, mode=0o666),
                             header("blk", kind=b"4", major=254, minor=0, mode=0o660))
        self.assertEqual(os.lstat(self.fs(p, "null")).st_rdev, os.makedev(1, 3))

    def test_unknown_types(self):
        for kind in (b"V", b"D", b"M", b"N", b"Z"):
            self.refused_layer(header("odd", kind=kind), words=["odd", "type"])
        p = self.loads_layer(entry("seven", b"x", kind=b"7"), entry("nul", b"y", kind=b"\0"))
        self.assertEqual(self.read(p, "seven") + self.read(p, "nul"), b"xy")


class Attributes(Base):
    def test_overlay_xattrs(self):
        for name in ("trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.metacopy"):
            self.refused_layer(pax(("SCHILY.xattr." + name, "y")), folder("d"), words=["d", name])

    def test_others(self):
        p = self.loads_layer(pax(("SCHILY.xattr.user.a", "1"), ("SCHILY.xattr.security.selinux", "x"),
                                 ("SCHILY.xattr.trusted.x", "x"), ("SCHILY.xattr.unknown.ns", "x"),
                                 ("SCHILY.xattr.system.posix_acl_access", "garbage"),
                                 ("LIBARCHIVE.xattr.user.b", "aGk=")), entry("f"))
        x = {n: os.getxattr(self.fs(p, "f"), n) for n in os.listxattr(self.fs(p, "f"))}
        self.assertEqual({k: v for k, v in x.items() if k.startswith(("user", "trusted"))},
                         {"user.a": b"1", "user.b": b"hi"})

    def test_limits(self):
        self.refused_layer(pax(("SCHILY.xattr.user.a", "v" * 70000)), entry("f"))
        self.refused_layer(pax(("SCHILY.xattr.user." + "n" * 300, "v")), entry("f"))

    def test_modes_and_owners(self):
        p = self.loads_layer(entry("su", mode=0o4755, uid=1000), folder("t", mode=0o1777),
                             entry("sg", mode=0o2755, gid=5), entry("m", mode=0o7777777 & 0o177777),
                             pax(("uid", "3000000000")), entry("big"),
                             header("b256", rawuid=b"\x80\0\0\0\0\x20\0\0"))
        self.assertEqual(stat.S_IMODE(os.stat(self.fs(p, "su")).st_mode), 0o4755)
        self.assertEqual(stat.S_IMODE(os.stat(self.fs(p, "sg")).st_mode), 0o2755)
        self.assertEqual(stat.S_IMODE(os.stat(self.fs(p, "t")).st_mode), 0o1777)
        self.assertEqual(os.stat(self.fs(p, "big")).st_uid, 3000000000)
        self.assertEqual(os.stat(self.fs(p, "b256")).st_uid, 2097152)

    def test_capability(self):
        cap = b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        p = self.loads_layer(pax(("SCHILY.xattr.security.capability", cap)),
                             entry("f", mode=0o755, uid=1000))
        self.assertEqual(os.getxattr(self.fs(p, "f"), "security.capability"), cap)

    def test_owner_wraps(self):
        self.refused_layer(pax(("uid", "4294967296")), entry("f", mode=0o4755), words=["uid"])
        self.refused_layer(pax(("gid", "4294967295")), entry("f"), words=["gid"])

    def test_dir_times(self):
        p = self.loads_layer(folder("d", mtime=1000), entry("d/f", b"x"))
        self.assertEqual(int(os.stat(self.fs(p, "d")).st_mtime), 1000)


class Format(Base):
    def test_bad_pax(self):
        for body in (b"5 path=x\n", b"99999999999999999999999 path=x\n", b"-5 path=x\n",
                     b"9 path=xx", b"", ):
            if body:
                self.refused_layer(pax(body), entry("f"), words=["pax"])
        self.refused_layer(pax(("path", b"a\0b")), entry("f"), words=["NUL"])

    def test_huge_headers(self):
        self.refused_layer(header("x", 2 << 20, b"x") + b"\0" * 1024, words=["extended header"])
        self.refused_layer(header("L", 300 << 20, b"L") + b"a" * 1024, words=["extended header"])

    def test_global_pax_is_ignored(self):
        body = record("path", "pwned")
        p = self.loads_layer(header("g", len(body), b"g") + padded(body), entry("f", b"x"))
        self.assertEqual(os.listdir(self.fs(p)), ["f"])

    def test_pax_size_wins(self):
        p = self.loads_layer(pax(("size", "4")), header("f", 512) + padded(b"four"), entry("g", b"x"))
        self.assertEqual(self.read(p, "f") + self.read(p, "g"), b"fourx")

    def test_sizes(self):
        self.refused_layer(header("f", rawsize=b"\x80\0\0\0\x40" + b"\0" * 7), words=["size"])
        self.refused_layer(header("f", rawsize=b"\xff" * 12), words=["size"])
        self.refused_layer(header("cut", 100000) + b"x" * 5000, end=b"", words=["cut", "early"])

    def test_checksum(self):
        bad = bytearray(entry("f"))
        bad[0] ^= 1
        self.refused_layer(entry("ok"), bytes(bad), words=["checksum"])

    def test_ends(self):
        self.loads_layer(entry("f", b"x"), end=b"")
        self.loads_layer(entry("f", b"x"), end=b"\0" * 512)
        self.loads_layer(entry("f", b"y"), end=b"\0" * (10 << 20))
        # Sloppy writers leave the last block short; data that is short is an error.
        self.loads_layer(entry("f", b"x")[:512 + 1], end=b"")
        self.refused_layer(entry("f", b"xyz")[:512 + 2], end=b"", words=["ends too early"])
        p = self.loads_layer(entry("f", b"z"), end=END + entry("hidden", b"x"))
        self.assertEqual(os.listdir(self.fs(p)), ["f"])

    def test_empty_layer(self):
        self.assertEqual(os.listdir(self.fs(self.loads_layer())), [])

    def test_many_entries(self):
        p = self.loads_layer(*[entry("f%d" % i) for i in range(20000)])
        self.assertEqual(len(os.listdir(self.fs(p))), 20000)


class Sparse(Base):
    def old_gnu(self, real):
        h = bytearray(header("s", 512, b"S", magic=b"ustar  \0"))
        h[386:410] = b"%011o\0%011o\0" % (real - 512, 512)
        h[483:495] = b"%011o\0" % real if real < 8 ** 11 else b"\x80" + real.to_bytes(11, "big")
        h[148:156] = b" " * 8
        h[148:156] = b"%06o\0 " % sum(h)
        return bytes(h) + b"e" * 512

    def test_old_gnu_hole(self):
        p = self.loads_layer(self.old_gnu(8 << 29))
        st = os.stat(self.fs(p, "s"))
        self.assertEqual(st.st_size, 8 << 29)
        self.assertLess(st.st_blocks * 512, 1 << 20)

    def test_bomb(self):
        self.refused_layer(pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                               ("GNU.sparse.realsize", str(1 << 45)), ("GNU.sparse.name", "s")),
                           header("x", 512) + padded(b"0\n"), words=["s:", "at most"])

    def test_pax_1_0(self):
        body = padded(b"1\n1048576\n4\n") + b"data"
        p = self.loads_layer(pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                                 ("GNU.sparse.realsize", "1048580"), ("GNU.sparse.name", "s")),
                             header("x", len(body)) + padded(body), entry("after", b"x"))
        self.assertEqual(self.read(p, "s"), b"\0" * 1048576 + b"data")
        self.assertEqual(self.read(p, "after"), b"x")

    def test_map_that_does_not_fit(self):
        body = padded(b"1\n100\n4000\n") + b"data"
        self.refused_layer(pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                               ("GNU.sparse.realsize", "50"), ("GNU.sparse.name", "s")),
                           header("x", len(body)) + padded(body), words=["sparse"])


class Whiteouts(Base):
    def whiteout(self, p, *path):
        st = os.lstat(self.fs(p, *path))
        return stat.S_ISCHR(st.st_mode) and st.st_rdev == 0

    def opaque(self, p, *path):
        try:
            return os.getxattr(self.fs(p, *path), XATTR) == b"y"
        except OSError:
            return False

    def cut(self, p):
        with open(os.path.dirname(self.fs(p)) + "/record") as f:
            return json.loads(f.read().split("\n", 1)[1]).get("cut", False)

    def test_plain(self):
        p = self.loads_layer(folder("d"), entry("d/.wh.x"), folder("o"), entry("o/.wh..wh..opq"),
                             entry("deep/er/.wh.y"))
        self.assertTrue(self.whiteout(p, "d/x") and self.whiteout(p, "deep/er/y"))
        self.assertTrue(self.opaque(p, "o"))
        self.assertFalse(self.cut(p))

    def test_root_opaque_cuts(self):
        self.assertTrue(self.cut(self.loads_layer(entry("./.wh..wh..opq"), entry("new", b"x"))))

    def test_bad_targets(self):
        for name in (".wh.", "a/.wh..", "a/.wh..."):
            self.refused_layer(entry(name), words=["whiteout"])
        self.refused_layer(folder(".wh.foo"), words=[".wh.foo"])
        self.refused_layer(link(".wh.foo", "x"), words=[".wh.foo"])
        self.refused_layer(entry(".wh.foo/x"), words=[".wh.foo/x"])

    def test_opaque_through_symlink(self):
        self.refused_layer(link("d", self.victim + "/dir"), entry("d/.wh..wh..opq"),
                           words=["d/.wh..wh..opq"])
        self.refused_layer(folder("e"), link("d", "e"), entry("d/.wh..wh..opq"),
                           words=["d/.wh..wh..opq"])

    def test_same_layer_stays(self):
        p = self.loads_layer(entry("x", b"new"), entry(".wh.x"), folder("d"), entry("d/in", b"1"),
                             entry(".wh.d"))
        self.assertEqual(self.read(p, "x") + self.read(p, "d/in"), b"new1")
        self.assertTrue(self.opaque(p, "d"))

    def test_made_again(self):
        p = self.loads_layer(entry(".wh.d"), folder("d"), entry(".wh.e"), entry("e/in", b"1"),
                             entry(".wh.x"), entry("x", b"new"))
        self.assertTrue(self.opaque(p, "d") and self.opaque(p, "e"))
        self.assertEqual(self.read(p, "x"), b"new")

    def test_aufs_metadata(self):
        p = self.loads_layer(folder(".wh..wh.plnk"), entry(".wh..wh.plnk/1.2", b"x"),
                             entry(".wh..wh.aufs"), entry("f", b"x"))
        self.assertEqual(os.listdir(self.fs(p)), ["f"])


class Compression(Base):
    plain = layer(entry("f", b"content" * 1000))

    def test_kinds(self):
        kinds = {"gzip": gz(self.plain), "xz": lzma.compress(self.plain),
                 "bzip2": bz2.compress(self.plain), "plain": self.plain}
        if shutil.which("zstd"):
            kinds["zstd"] = subprocess.run(["zstd", "-qc"], input=self.plain, capture_output=True,
                                           check=True).stdout
        for name, packed in kinds.items():
            with self.subTest(name):
                self.loads(oci_of(packed, self.plain))
                self.assertEqual(self.read(self.plain, "f"), b"content" * 1000)
                shutil.rmtree(self.root)

    def test_whole_archive(self):
        archive = docker_archive([self.plain])
        for packed in (gz(archive), lzma.compress(archive), bz2.compress(archive)):
            self.loads(packed)

    def test_members(self):
        third = len(self.plain) // 3
        parts = [self.plain[:third], self.plain[third:2 * third], self.plain[2 * third:]]
        self.loads(oci_of(b"".join(gz(x) for x in parts), self.plain))
        self.loads(oci_of(gz(b"") * 20000 + gz(self.plain), self.plain))
        self.loads(oci_of(gz(self.plain) + b"\0" * 1000, self.plain))

    def test_broken(self):
        packed = gz(self.plain)
        crc = bytearray(packed)
        crc[-6] ^= 0xff
        for name, bad in (("cut", packed[:len(packed) * 6 // 10]), ("crc", bytes(crc)),
                          ("garbage", packed + b"garbage"), ("tail", packed[:-3])):
            with self.subTest(name):
                self.refused(oci_of(bad, self.plain), digest(bad), "gzip")

    def test_zstd(self):
        if not shutil.which("zstd"):
            self.skipTest("no zstd")
        packed = subprocess.run(["zstd", "-qc"], input=self.plain, capture_output=True,
                                check=True).stdout
        self.refused(oci_of(packed[:-5], self.plain), "zstd")
        skippable = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
        self.loads(oci_of(skippable + packed, self.plain))
        window = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"  # declares 2 GiB
        self.refused(oci_of(window, self.plain), "zstd")

    def test_gzip_bomb(self):
        """Refused for its ratio long before its 4 GiB are on the disk."""
        z = zlib.compressobj(6, zlib.DEFLATED, 31)
        chunk = b"\0" * (1 << 20)
        packed = [z.compress(header("bomb", 4 << 30))] + [z.compress(chunk) for _ in range(700)]
        packed = b"".join(packed + [z.flush()])
        self.refused(oci_archive([packed], config(["sha256:" + "0" * 64])), "bomb", "inflates")


class Manifests(Base):
    plain = layer(entry("f", b"x"))

    def test_good(self):
        images = self.loads(docker_archive([self.plain], tags=["a:1", "b/c"]))
        self.assertEqual(images[0]["names"], ["docker.io/library/a:1", "docker.io/b/c:latest"])
        self.assertEqual(images[0]["id"], digest(config([digest(self.plain)])))
        packed = gz(self.plain)
        images = self.loads(oci_of(packed, self.plain))
        self.assertEqual(images[0]["names"], ["docker.io/library/hostile:1"])
        with open(self.root + "/blobs/sha256/" + digest(packed)[7:], "rb") as f:
            self.assertEqual(f.read(), packed)

    def test_lies(self):
        other = layer(entry("g", b"y"))
        self.refused(docker_archive([self.plain], diff_ids=[digest(other)]), digest(other))
        self.refused(docker_archive([self.plain], diff_ids=[digest(self.plain)] * 2), "names 2")
        self.refused(docker_archive([self.plain, other], diff_ids=[digest(self.plain)]), "names 1")

    def test_blob_digest(self):
        cfg = config([digest(self.plain)])
        row = descriptor(gz(self.plain), OCI + "layer.v1.tar+gzip")
        wrong = ("blobs/sha256/" + row["digest"][7:], gz(layer(entry("evil", b"z"))))
        self.refused(oci_archive([], cfg, layer_rows=[row], extra=[wrong]), row["digest"][7:])

    def test_descriptor_sizes(self):
        cfg, packed = config([digest(self.plain)]), gz(self.plain)
        for size in (len(packed) - 1, len(packed) + 1, -1):
            row = dict(descriptor(packed, OCI + "layer.v1.tar+gzip"), size=size)
            self.refused(oci_archive([packed], cfg, layer_rows=[row]))

    def test_digest_strings(self):
        cfg, packed = config([digest(self.plain)]), gz(self.plain)
        for text in ("sha256:../../../../../../../../victim/secret", "sha256:abc", "sha256",
                     "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:" + "a" * 63,
                     "sha256:" + "A" * 64, "sha512:" + "a" * 128):
            row = dict(descriptor(packed, OCI + "layer.v1.tar+gzip"), digest=text)
            self.refused(oci_archive([packed], cfg, layer_rows=[row]), "digest")

    def test_documents(self):
        cfg, packed = config([digest(self.plain)]), gz(self.plain)
        row = json.dumps(descriptor(packed, OCI + "layer.v1.tar+gzip"))
        conf = json.dumps(descriptor(cfg, OCI + "config.v1+json"))
        for name, text in (
                ("nested", "[" * 200000), ("bom", "\ufeff{}"), ("big", "{" + " " * (5 << 20) + "}"),
                ("second", '{"schemaVersion":2,"config":%s,"layers":[%s]} {}' % (conf, row)),
                ("twice", '{"schemaVersion":2,"config":%s,"layers":[%s],"layers":[]}' % (conf, row)),
                ("case", '{"SchemaVersion":2,"Config":%s,"Layers":[%s]}' % (conf, row)),
                ("type", '{"schemaVersion":2,"mediaType":"%sindex.v1+json","config":%s,"layers":[%s]}'
                 % (OCI, conf, row)),
                ("both", '{"schemaVersion":2,"config":%s,"layers":[%s],"manifests":[]}' % (conf, row)),
                ("v1", '{"schemaVersion":1,"config":%s,"layers":[%s]}' % (conf, row))):
            with self.subTest(name):
                self.refused(oci_archive([packed], cfg, manifest=text.encode()))

    def test_configs(self):
        ids = [digest(self.plain)]
        for cfg in (config(ids, os="windows"), config(ids, rootfs={"type": "bogus", "diff_ids": ids}),
                    b"[]", b"", b"{", b"\xff\xfe"):
            self.refused(docker_archive([self.plain], cfg=cfg))

    def test_layer_types(self):
        cfg, packed = config([digest(self.plain)]), gz(self.plain)
        self.refused(oci_archive([packed], cfg, layer_type="application/x-evil"), "application/x-evil")
        self.loads(oci_archive([packed], cfg, layer_type=OCI + "layer.v1.tar"))

    def test_layer_paths(self):
        for name in ("../../victim/secret.tar", self.victim + "/file"):
            row = {"Config": "c.json", "RepoTags": ["x:1"], "Layers": [name]}
            cfg = config([digest(self.plain)])
            self.refused(simple_tar([("c.json", cfg), ("manifest.json", json.dumps([row]).encode())]),
                         name)

    def test_linked_layer(self):
        s = tarfile.TarInfo()
        s.type, s.linkname = tarfile.SYMTYPE, "../a/layer.tar"
        row = {"Config": "c.json", "RepoTags": None, "Layers": ["b/layer.tar"]}
        cfg = config([digest(self.plain)])
        images = self.loads(simple_tar([("c.json", cfg), ("a/layer.tar", self.plain),
                                        ("b/layer.tar", s),
                                        ("manifest.json", json.dumps([row]).encode())]))
        self.assertEqual(images[0]["names"], [])
        for target in (self.victim + "/file", "../../../victim"):
            s.linkname = target
            self.refused(simple_tar([("c.json", cfg), ("b/layer.tar", s),
                                     ("manifest.json", json.dumps([row]).encode())]), "b/layer.tar")

    def test_fifo_members(self):
        f = tarfile.TarInfo()
        f.type = tarfile.FIFOTYPE
        self.refused(simple_tar([("a/layer.tar", f), ("manifest.json", b"[]")]), "a/layer.tar")

    def test_tags(self):
        for tag in ("../../etc/passwd", "a" * 300, "x:" + "t" * 129,
                    "x@sha256:" + "a" * 64, "UPPER:1", "a b"):
            self.refused(docker_archive([self.plain], tags=[tag]), "name")

    def test_not_archives(self):
        self.refused(b"", "not an image archive")
        self.refused(b"hello", "early")
        self.refused(b"x" * 5000, "tar header")
        self.refused(simple_tar([("readme", b"hi")]), "not an image archive")
        self.refused(simple_tar([("repositories", b"{}"), ("abc/json", b"{}")]), "before 1.10")
        self.refused(simple_tar([("manifest.json", b"[]")]), "no image")
        self.refused(docker_archive([self.plain])[:3000], "early")
        self.refused(gz(docker_archive([self.plain]))[:-20])

    def test_layout_version(self):
        packed, cfg = gz(self.plain), config([digest(self.plain)])
        self.refused(oci_archive([packed], cfg, layout=b'{"imageLayoutVersion":"9.9.9"}'), "9.9.9")
        self.refused(oci_archive([packed], cfg, index=b'{"schemaVersion":2,"manifests":[]}'),
                     "no image")
        self.loads(oci_archive([packed], cfg, layout=None))

    def test_index_of_many(self):
        packed, cfg = gz(self.plain), config([digest(self.plain)])
        att = b'{"schemaVersion":2,"attestation":true}'
        real = json.dumps({"schemaVersion": 2, "config": descriptor(cfg, OCI + "config.v1+json"),
                           "layers": [descriptor(packed, OCI + "layer.v1.tar+gzip")]}).encode()
        arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        kind = OCI + "manifest.v1+json"
        fakes = [{"mediaType": kind, "digest": "sha256:%064x" % i, "size": 1,
                  "platform": {"os": "linux", "architecture": "fake"}} for i in range(10000)]
        rows = [descriptor(att, kind, platform={"os": "unknown", "architecture": "unknown"})] + fakes
        rows.append(descriptor(real, kind, platform={"os": "linux", "architecture": arch}))
        nested = json.dumps({"schemaVersion": 2, "manifests": rows}).encode()
        index = json.dumps({"schemaVersion": 2, "manifests": [
            descriptor(nested, OCI + "index.v1+json")]}).encode()
        images = self.loads(oci_archive([packed], cfg, index=index,
                                        extra=[blob(nested), blob(real), blob(att)]))
        self.assertEqual(images[0]["manifest"], digest(real))

    def test_two_images_and_scratch(self):
        a, b = config([digest(self.plain)]), config([], author="b")
        rows = [{"Config": "a.json", "RepoTags": ["a:1"], "Layers": ["l.tar"]},
                {"Config": "b.json", "RepoTags": ["b:1"], "Layers": None}]
        images = self.loads(simple_tar([("a.json", a), ("b.json", b), ("l.tar", self.plain),
                                        ("manifest.json", json.dumps(rows).encode())]))
        self.assertEqual([i["id"] for i in images], [digest(a), digest(b)])

    def test_second_image_bad_leaves_nothing(self):
        rows = [{"Config": "a.json", "RepoTags": ["a:1"], "Layers": ["l.tar"]},
                {"Config": "missing.json", "RepoTags": ["b:1"], "Layers": []}]
        self.refused(simple_tar([("a.json", config([digest(self.plain)])), ("l.tar", self.plain),
                                 ("manifest.json", json.dumps(rows).encode())]), "missing.json")

    def test_many_layers(self):
        plain = [layer(entry("f%d" % i)) for i in range(501)]
        self.loads(docker_archive(plain[:200]))
        shutil.rmtree(self.root)
        self.refused(docker_archive(plain), "at most 500")

    def test_implicit_folders_inherit(self):
        low = layer(folder("a", mode=0o700, uid=7, mtime=5), folder("a/b", mode=0o1777),
                    entry("f", b"x"))
        top = layer(entry("a/b/c/new", b"x"), entry("f/x", b"y"))
        self.loads(docker_archive([low, top]))
        st = os.stat(self.fs(top, "a"))
        self.assertEqual((stat.S_IMODE(st.st_mode), st.st_uid, int(st.st_mtime)), (0o700, 7, 5))
        self.assertEqual(stat.S_IMODE(os.stat(self.fs(top, "a/b")).st_mode), 0o1777)
        self.assertEqual(stat.S_IMODE(os.stat(self.fs(top, "a/b/c")).st_mode), 0o755)

    def test_member_twice(self):
        self.refused(docker_archive([self.plain], extra=[("config.json", b"{}")]), "config.json")

    def test_again_heals(self):
        archive = docker_archive([self.plain])
        self.loads(archive)
        shutil.rmtree(self.fs(self.plain))
        with open(os.path.dirname(self.fs(self.plain)) + "/record", "w") as f:
            f.write("damaged")
        self.loads(archive)
        self.assertEqual(self.read(self.plain, "f"), b"x")


class Verbs(Base):
    def test_save_is_what_was_loaded(self):
        plain = layer(entry("f", b"x"))
        packed = gz(plain)
        image = self.loads(oci_of(packed, plain))[0]
        out = self.dir + "/saved.tar"
        for _ in range(2):
            worker.run("save", self.root, None, out,
                       images=[{"manifest": image["manifest"], "names": image["names"]}])
            with open(out, "rb") as f:
                data = f.read()
            self.assertEqual(getattr(self, "saved", data), data)
            self.saved = data
        with tarfile.open(out) as t:
            self.assertEqual(t.extractfile(blob(packed)[0]).read(), packed)
            self.assertEqual(json.load(t.extractfile("manifest.json"))[0]["RepoTags"], ["hostile:1"])
        shutil.rmtree(self.root)
        self.assertEqual(self.loads(out), [image])

    def test_save_of_a_damaged_blob(self):
        packed = gz(layer(entry("f", b"x")))
        image = self.loads(oci_of(packed, layer(entry("f", b"x"))))[0]
        with open(self.root + "/" + blob(packed)[0], "r+b") as f:
            f.write(b"XX")
        with self.assertRaises(worker.Failed) as e:
            worker.run("save", self.root, None, self.dir + "/o", images=[{"manifest": image["manifest"]}])
        self.assertIn("damaged", str(e.exception))

    def test_import(self):
        plain = layer(folder("bin"), entry("bin/sh", b"#!", mode=0o755))
        result, _ = worker.run("import", self.root, gz(plain), arch="amd64", message="by hand",
                               changes=['CMD ["/bin/sh"]', "ENV A=1 B=$A", "EXPOSE 80"])
        with open(self.root + "/blobs/sha256/" + result["id"][7:]) as f:
            c = json.load(f)
        self.assertEqual(c["config"]["Cmd"], ["/bin/sh"])
        self.assertEqual(c["rootfs"]["diff_ids"], [digest(plain)])
        self.assertEqual(c["history"][0]["comment"], "by hand")
        for bad in ("RUN x", "NONSENSE"):
            with self.assertRaises(worker.Failed):
                worker.run("import", self.root, plain, changes=[bad])
        with self.assertRaises(worker.Failed):
            worker.run("import", self.root, b"not a tar at all" * 100)
        self.assertEqual(os.listdir(self.root + "/tmp"), [])

    def upper(self):
        up = self.root + "/containers/c/upper"
        os.makedirs(up + "/d/o")
        os.mknod(up + "/gone", stat.S_IFCHR, 0)
        os.setxattr(up + "/d/o", XATTR, b"y")
        os.setxattr(up + "/d/o", "trusted.overlay.origin", b"x")
        for name, text in (("d/o/f", b"new"), ("same", b"same")):
            with open(up + "/" + name, "wb") as f:
                f.write(text)
            os.utime(up + "/" + name, (5, 5))
        os.link(up + "/d/o/f", up + "/d/o/g")
        os.symlink("/nowhere", up + "/l")
        os.mkfifo(up + "/p")
        return up

    def commit(self):
        plain = layer(entry("same", b"same", mtime=5), entry("gone", b"x"))
        parent = self.loads(docker_archive([plain]))[0]
        result, _ = worker.run("commit", self.root, image=parent["id"], manifest=parent["manifest"],
                               upper=self.upper(), lowers=[self.fs(plain)], message="m", author="me",
                               config={"Cmd": ["/new"]}, changes=["LABEL a=b"])
        with open(self.root + "/blobs/sha256/" + result["manifest"][7:]) as f:
            manifest = json.load(f)
        with open(self.root + "/blobs/sha256/" + result["id"][7:]) as f:
            return manifest, json.load(f)

    def test_commit(self):
        manifest, c = self.commit()
        with tarfile.open(self.root + "/blobs/sha256/" + manifest["layers"][1]["digest"][7:]) as t:
            self.assertEqual(t.getnames(), ["d", "d/o", "d/o/.wh..wh..opq", "d/o/f", "d/o/g", ".wh.gone",
                                     "l", "p"])
            self.assertTrue(t.getmember("d/o/g").islnk())
            self.assertEqual([m.pax_headers for m in t if m.pax_headers], [])
        self.assertEqual(len(c["rootfs"]["diff_ids"]), 2)
        self.assertEqual(c["config"], {"Cmd": ["/new"], "Labels": {"a": "b"}})
        fs = self.root + "/layers/" + c["rootfs"]["diff_ids"][1][7:] + "/fs"
        self.assertEqual(os.getxattr(fs + "/d/o", XATTR), b"y")
        self.assertEqual(os.lstat(fs + "/gone").st_rdev, 0)
        self.assertFalse(os.path.lexists(fs + "/same"), "an unchanged copy is no change")

    def test_commit_twice_is_the_same(self):
        first = self.commit()[0]["layers"][1]
        up = self.root + "/containers/c/upper"
        shutil.rmtree(self.root + "/layers")
        plain = layer(entry("same", b"same", mtime=5), entry("gone", b"x"))
        parent = self.loads(docker_archive([plain]))[0]
        result, _ = worker.run("commit", self.root, image=parent["id"], manifest=parent["manifest"],
                               upper=up, lowers=[self.fs(plain)])
        with open(self.root + "/blobs/sha256/" + result["manifest"][7:]) as f:
            self.assertEqual(json.load(f)["layers"][1], first)

    def test_export(self):
        plain = layer(entry("gone", b"x"), entry("same", b"same"), folder("d"), entry("d/low", b"1"))
        self.loads(docker_archive([plain]))
        out = self.dir + "/export.tar"
        worker.run("export", self.root, None, out, upper=self.upper(), lowers=[self.fs(plain)])
        with tarfile.open(out) as t:
            self.assertEqual(t.getnames(), ["d", "d/low", "d/o", "d/o/f", "d/o/g", "l", "p", "same"])

    def test_sweep(self):
        worker.run("sweep", self.root, trash=[])
        os.makedirs(self.root + "/tmp/gc-1/a")
        os.symlink(self.victim, self.root + "/tmp/gc-1/l")
        worker.run("sweep", self.root, trash=["gc-1", "missing"])
        self.assertEqual(os.listdir(self.root + "/tmp"), [])
        for bad in ("../blobs", "..", "", "a/b"):
            with self.assertRaises(worker.Failed):
                worker.run("sweep", self.root, trash=[bad])

    def test_orphaned_staging_goes(self):
        worker.run("sweep", self.root, trash=[])
        os.makedirs(self.root + "/tmp/job-dead/l0/fs")
        self.loads(docker_archive([layer(entry("f"))]))


class Interop(Base):
    """Other tools read what we write, and we read what they write."""

    def setUp(self):
        super().setUp()
        if not shutil.which("skopeo"):
            self.skipTest("no skopeo")

    def skopeo(self, *args):
        subprocess.run(["skopeo", *args], check=True, capture_output=True)

    def test_round(self):
        plain = layer(folder("etc"), entry("etc/motd", b"hi"))
        image = self.loads(oci_of(gz(plain), plain))[0]
        out = self.dir + "/saved.tar"
        worker.run("save", self.root, None, out,
                   images=[{"manifest": image["manifest"], "names": image["names"]}])
        self.skopeo("copy", "docker-archive:" + out, "docker-archive:" + self.dir + "/a.tar:other:2")
        self.skopeo("copy", "oci-archive:" + out, "oci-archive:" + self.dir + "/b.tar:three")
        a = self.loads(self.dir + "/a.tar")[0]
        self.assertEqual(a["names"], ["docker.io/library/other:2"])
        b = self.loads(self.dir + "/b.tar")[0]
        self.assertEqual((b["manifest"], b["id"]), (image["manifest"], image["id"]))

    def test_store_is_a_layout(self):
        plain = layer(entry("f", b"x"))
        image = self.loads(oci_of(gz(plain), plain))[0]
        index = {"schemaVersion": 2, "manifests": [{
            "mediaType": OCI + "manifest.v1+json", "digest": image["manifest"],
            "size": os.stat(self.root + "/blobs/sha256/" + image["manifest"][7:]).st_size,
            "annotations": {"org.opencontainers.image.ref.name": "1"}}]}
        with open(self.root + "/index.json", "w") as f:
            json.dump(index, f)
        self.skopeo("copy", "oci:" + self.root + ":1", "oci:" + self.dir + "/copy:1")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=1)
