# SPDX-License-Identifier: GPL-2.0-or-later
"""Reduces an OpenAPI 2.0 file of the Docker Engine API to the facts that answers are checked against.

What stays: for each route the status codes it may answer and the type of each body; for each type
its members, which of them must be there, and the values an enumeration allows. Texts and examples
go, and so does what belongs to swarm mode, which this engine answers with 503 throughout.

    reduce.py v1.51.yaml >engine-api.json
"""
import json
import sys

import yaml

KEEP = ("$ref", "type", "format", "enum", "required", "additionalProperties", "properties", "items",
        "allOf", "x-nullable")
SWARM = ("/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs", "/plugins/", "/session")


def reduce(node):
    if not isinstance(node, dict):
        return node
    out = {}
    for key in KEEP:
        if key not in node:
            continue
        value = node[key]
        if key == "properties":
            out[key] = {name: reduce(sub) for name, sub in value.items()}
        elif key == "allOf":
            out[key] = [reduce(sub) for sub in value]
        elif key == "$ref":
            out[key] = value.rsplit("/", 1)[1]
        else:
            out[key] = reduce(value)
    return out


def refs(node, found):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            found.add(node["$ref"])
        for value in node.values():
            refs(value, found)
    elif isinstance(node, list):
        for value in node:
            refs(value, found)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        api = yaml.safe_load(f)
    routes = {}
    for path, verbs in api["paths"].items():
        if path.startswith(SWARM):
            continue
        for verb, op in verbs.items():
            routes[f"{verb.upper()} {path}"] = {
                str(code): reduce(answer.get("schema", {})) for code, answer in op["responses"].items()}
    types, wanted = {}, set()
    refs(routes, wanted)
    while wanted - set(types):
        for name in wanted - set(types):
            types[name] = reduce(api["definitions"][name])
            refs(types[name], wanted)
    out = ["{", ' "routes": {']
    out.append(",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(routes.items())))
    out += [" },", ' "types": {']
    out.append(",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(types.items())))
    out += [" }", "}"]
    print("\n".join(out))


main()
