# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers and image archives by hand, so that they can be wrong in one chosen way."""
import gzip
import hashlib
import io
import json
import tarfile


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def header(name, size=0, kind=b"0", mode=0o644, uid=0, gid=0, link="", major=0, minor=0,
           mtime=1000, magic=b"ustar\x0000", prefix=b"", rawsize=None, rawuid=None):
    """One header block with any content; fields are not checked."""
    def octal(v, n):
        return (b"%0*o" % (n - 1, v)) + b"\0"
    name = name.encode() if isinstance(name, str) else name
    link = link.encode() if isinstance(link, str) else link
    h = name[:100].ljust(100, b"\0") + octal(mode, 8) + (rawuid or octal(uid, 8)) + octal(gid, 8)
    h += (rawsize or octal(size, 12)) + octal(mtime, 12) + b" " * 8 + kind
    h += link[:100].ljust(100, b"\0") + magic + b"\0" * 64 + octal(major, 8) + octal(minor, 8)
    h += prefix.ljust(167, b"\0")
    total = sum(h)
    return h[:148] + b"%06o\0 " % total + h[156:]


def padded(data):
    return data + b"\0" * (-len(data) % 512)


def record(key, value):
    key = key.encode() if isinstance(key, str) else key
    value = value.encode() if isinstance(value, str) else value
    body = b" " + key + b"=" + value + b"\n"
    n = len(body) + 1
    while len(str(n)) + len(body) != n:
        n = len(str(n)) + len(body)
    return str(n).encode() + body


def pax(*records):
    body = b"".join(record(*r) if isinstance(r, tuple) else r for r in records)
    return header("PaxHeaders/x", len(body), b"x") + padded(body)


def entry(name, data=b"", **kw):
    return header(name, len(data), **kw) + padded(data)


def folder(name, **kw):
    return header(name, kind=b"5", **dict({"mode": 0o755}, **kw))


def link(name, target, kind=b"2", **kw):
    return header(name, kind=kind, link=target, **kw)


END = b"\0" * 1024


def layer(*parts, end=END):
    return b"".join(parts) + end


def simple_tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, tarfile.TarInfo):
                data.name = name
                t.addfile(data)
                continue
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def config(diff_ids, **more):
    c = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]},
         "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    c.update(more)
    return json.dumps(c).encode()


def docker_archive(layers, tags=("hostile:1",), diff_ids=None, names=None, cfg=None, extra=()):
    """layers: plain tars; diff_ids may lie."""
    ids = diff_ids if diff_ids is not None else [digest(x) for x in layers]
    cfg = cfg if cfg is not None else config(ids)
    files = names or [f"{i}/layer.tar" for i in range(len(layers))]
    members = [("config.json", cfg)]
    members += [(f, x) for f, x in zip(files, layers)]
    members += list(extra)
    row = {"Config": "config.json", "RepoTags": list(tags) if tags is not None else None,
           "Layers": files}
    members.append(("manifest.json", json.dumps([row]).encode()))
    return simple_tar(members)


def blob(data):
    return ("blobs/sha256/" + hashlib.sha256(data).hexdigest(), data)


def descriptor(data, kind, **more):
    return dict({"mediaType": kind, "digest": digest(data), "size": len(data)}, **more)


OCI = "application/vnd.oci.image."


def oci_archive(blobs, cfg, layer_rows=None, layer_type=OCI + "layer.v1.tar+gzip", manifest=None,
                index=None, layout=b'{"imageLayoutVersion":"1.0.0"}', extra=()):
    """blobs: layers as they lie in the archive."""
    rows = layer_rows or [descriptor(b, layer_type) for b in blobs]
    manifest = manifest or json.dumps(
        {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
         "config": descriptor(cfg, OCI + "config.v1+json"), "layers": rows}).encode()
    index = index or json.dumps(
        {"schemaVersion": 2, "manifests": [descriptor(
            manifest, OCI + "manifest.v1+json",
            annotations={"io.containerd.image.name": "docker.io/library/hostile:1"})]}).encode()
    members = [blob(x) for x in {b: 0 for b in blobs}] + [blob(cfg), blob(manifest)]
    members += list(extra) + [("index.json", index)]
    if layout is not None:
        members.append(("oci-layout", layout))
    return simple_tar(members)


def oci_of(packed, plain):
    return oci_archive([packed], config([digest(plain)]))


def gz(data, level=6):
    return gzip.compress(data, level, mtime=0)
