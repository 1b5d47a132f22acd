# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds an answer of the daemon against the Engine API's types (tests/api/schema/engine-api.json).

The API file is kept by hand and says less about null than engines do: a list, map or nested object
that is empty is null in dockerd's answers, and clients are built for that. So null is taken for
those; for strings, numbers and booleans only where the file says so. Members that the file does not
know are an error, unless a row of EXTRA says who reads them.
"""
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.path.join(HERE, "..", "api", "schema", "engine-api.json")

# Members that older clients read and the newest file has dropped or never listed.
EXTRA = {
    "SystemInfo": {"BridgeNfIptables", "BridgeNfIp6tables", "ClusterStore", "ClusterAdvertise", "SystemStatus"},
    "ImageInspect": {"ContainerConfig", "Container", "VirtualSize", "Parent", "DockerVersion"},
    "ImageSummary": {"VirtualSize"},
    "EventMessage": {"status", "id", "from"},
    "ContainerConfig": {"MacAddress"},
    # Before 1.50 an image's Config had all members of a container's.
    "ImageConfig": {"Hostname", "Domainname", "Image", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin",
                    "StdinOnce", "MacAddress"},
    "": {"BuilderSize"},  # of /system/df, whose type has no name
}
# Scalars that dockerd answers with null when nothing was asked for, though the file does not say so.
NULLABLE = {"MemorySwappiness", "OomKillDisable", "PidsLimit", "Init", "ExitCode"}
# Statuses that any route may answer: a bad request, an unknown object, a conflict, overload.
ANY_STATUS = {400, 404, 409, 408, 413, 431, 500, 503}
# What speaks to registries is refused as a whole so far.
REFUSED = {"GET /containers/{id}/logs",  # of a log driver that cannot be read back, as with dockerd
           "POST /images/create", "POST /images/{name}/push", "POST /auth", "GET /distribution/{name}/json",
           "GET /images/search"}
# dockerd answers so, too, and the file does not say it: a fixed address that is taken.
FORBIDDEN = {"POST /containers/{id}/start"}


class Schema:
    def __init__(self, path=SCHEMA):
        with open(path, encoding="utf-8") as f:
            tree = json.load(f)
        self.types = tree["types"]
        self.routes = []
        for route, answers in tree["routes"].items():
            method, path_ = route.split(" ")
            # A name in the middle of a path may hold slashes (images).
            pattern = re.sub(r"\\{\w+\\}", "(.+)", re.escape(path_))
            self.routes.append((method, re.compile(pattern + "$"), route, answers))
        # The most literal one first: /containers/json before /containers/{id}.
        self.routes.sort(key=lambda r: (r[2].count("{"), -len(r[2])))

    def find(self, method, target):
        path = target.split("?")[0]
        path = re.sub(r"^https?://[^/]*", "", path)
        path = re.sub(r"^/v\d+\.\d+/", "/", path)
        for m, pattern, route, answers in self.routes:
            if m == method and pattern.match(path):
                return route, answers
        return None, None

    def check(self, method, target, status, content_type, body):
        """Returns (route or None, list of complaints). `body` is bytes, or None when it was not kept."""
        route, answers = self.find(method, target)
        if route is None:
            return None, []
        if status == 101 and ("/attach" in route or route.endswith("/start")):
            return route, []  # the file speaks of the answer without upgrade only
        if status == 501 and route in REFUSED:
            status = 500  # as far as the body goes
        if status == 403 and route in FORBIDDEN:
            status = 500
        if str(status) not in answers and status not in ANY_STATUS:
            return route, [f"status {status} is not one of {', '.join(sorted(answers))}"]
        if not body or "json" not in (content_type or ""):
            return route, []
        shape = answers.get(str(status)) or ({"$ref": "ErrorResponse"} if status >= 400 else {})
        complaints = []
        for document in self.documents(body, complaints):
            self.walk(shape, document, "", complaints)
        return route, complaints

    @staticmethod
    def documents(body, complaints):
        """The body as JSON: one document, or one a line as streams have it."""
        text = body.decode("utf-8", "replace").strip()
        try:
            yield json.loads(text)
            return
        except ValueError:
            pass
        lines = text.splitlines()
        for n, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError:
                # The last line of a stream that the client left may be cut.
                if n + 1 < len(lines) or n == 0:
                    complaints.append(f"not JSON: {line[:80]!r}")

    def members(self, shape):
        """All properties of a type, those of allOf included; None = anything goes."""
        if "$ref" in shape:
            return self.members(self.types[shape["$ref"]])
        found, required, open_ = dict(shape.get("properties", {})), set(shape.get("required", [])), False
        for part in shape.get("allOf", []):
            sub = self.members(part)
            found.update(sub[0])
            required |= sub[1]
            open_ = open_ or sub[2]
        if "properties" not in shape and "allOf" not in shape:
            open_ = True
        return found, required, open_

    def walk(self, shape, value, where, out, name=""):
        if "$ref" in shape:
            name = shape["$ref"]
            shape = self.types[name]
        if value is None:
            if shape.get("type") in ("string", "integer", "number", "boolean") and not shape.get("x-nullable") \
                    and where.rsplit(".", 1)[-1] not in NULLABLE:
                out.append(f"{where or '.'}: null, wanted {shape['type']}")
            return
        parts = shape.get("allOf", [])
        if len(parts) == 1 and "properties" not in shape:  # the file's way to describe a $ref
            return self.walk(parts[0], value, where, out)
        kind = shape.get("type") or ("object" if "properties" in shape or "allOf" in shape else None)
        check = {"string": self.string, "integer": self.integer, "number": self.number, "boolean": self.boolean,
                 "array": self.array, "object": self.object}.get(kind)
        if check:
            check(shape, value, where, out, name)

    @staticmethod
    def wrong(where, value, wanted, out):
        out.append(f"{where or '.'}: {str(value)[:60]!r} is {type(value).__name__}, wanted {wanted}")

    def string(self, shape, value, where, out, _):
        if not isinstance(value, str):
            return self.wrong(where, value, "string", out)
        # "" stands for "not set" in dockerd's answers.
        if "enum" in shape and value != "" and value not in shape["enum"]:
            out.append(f"{where}: {value!r} is not one of {shape['enum']}")
        if shape.get("format") in ("date-time", "dateTime") and value and not re.match(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", value):
            out.append(f"{where}: {value!r} is not a time")

    def integer(self, shape, value, where, out, _):
        if not isinstance(value, int) or isinstance(value, bool):
            return self.wrong(where, value, "integer", out)
        if "enum" in shape and value not in shape["enum"]:
            out.append(f"{where}: {value} is not one of {shape['enum']}")

    def number(self, shape, value, where, out, _):
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.wrong(where, value, "number", out)

    def boolean(self, shape, value, where, out, _):
        if not isinstance(value, bool):
            self.wrong(where, value, "boolean", out)

    def array(self, shape, value, where, out, _):
        if not isinstance(value, list):
            return self.wrong(where, value, "array", out)
        for n, item in enumerate(value):
            self.walk(shape.get("items", {}), item, f"{where}[{n}]", out)

    def object(self, shape, value, where, out, name):
        if not isinstance(value, dict):
            return self.wrong(where, value, "object", out)
        known, required, open_ = self.members(shape)
        for member in sorted(required - set(value)):
            out.append(f"{where or '.'}: {member} is missing")
        more = shape.get("additionalProperties")
        for member, item in value.items():
            below = f"{where}.{member}"
            if member in known:
                self.walk(known[member], item, below, out)
            elif isinstance(more, dict):
                self.walk(more, item, below, out)
            elif known and not open_ and not more and member not in EXTRA.get(name, ()):
                out.append(f"{below}: the API has no such member in {name or 'this object'}")
