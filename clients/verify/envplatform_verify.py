#!/usr/bin/env python3
"""Verifies audit logs of EnvPlatform: a live log, an export, or one event. See README.md.

Needs Python 3.9 or later and the package "cryptography" (python3-cryptography in Debian). Shares no code with the platform or its agent:
it is written from RFC 6962, RFC 9162 and the C2SP formats signed-note, tlog-checkpoint, tlog-cosignature and tlog-tiles.
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FINE, FOUND, COULD_NOT, USAGE = 0, 1, 2, 64
TILE = 256
UTC = datetime.timezone.utc


class CouldNot(Exception):
    """The question could not be answered."""


class Usage(Exception):
    """The command line does not say enough."""


# Merkle trees (RFC 9162, section 2.1).

def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The roots of the full subtrees of a growing tree, the largest first, as (leaves, root)."""

    def __init__(self):
        self.size = 0
        self.stack = []

    def add(self, root, leaves=1):
        if self.size % leaves:
            raise ValueError("a subtree cannot begin there")
        self.size += leaves
        while self.stack and self.stack[-1][0] == leaves:
            root = node_hash(self.stack.pop()[1], root)
            leaves *= 2
        self.stack.append((leaves, root))

    def root(self):
        if not self.stack:
            return hashlib.sha256(b"").digest()
        root = self.stack[-1][1]
        for _, left in reversed(self.stack[:-1]):
            root = node_hash(left, root)
        return root


def subtrees(begin, end):
    """Sizes of the full subtrees that are the leaves begin..end-1."""
    while begin < end:
        size = 1 << ((end - begin).bit_length() - 1)
        while begin % size:
            size //= 2
        yield size
        begin += size


def is_included(leaf, index, size, proof, root):
    if not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_consistent(first, first_root, second, second_root, proof):
    if not 0 <= first <= second:
        return False
    if first == 0:
        return not proof and first_root == hashlib.sha256(b"").digest()
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


# Signed notes and checkpoints (C2SP).

def decode(text):
    """Strict Base64: None for what is not the one text of its bytes."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return None
    return value if base64.b64encode(value).decode() == text else None


def hashes_of(texts):
    """None where one of them is no hash."""
    values = [decode(text) for text in texts]
    return values if all(value is not None and len(value) == 32 for value in values) else None


class Key:
    def __init__(self, text, valid_from=None, valid_until=None):
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise ValueError(text)
        self.text, self.name = text.strip(), parts[0]
        key = decode(parts[2])
        if not self.name or any(c.isspace() for c in self.name) or key is None or len(key) != 33 or key[0] != 1:
            raise ValueError(text)
        self.id, self.timed_id = self._id(1, key[1:]), self._id(4, key[1:])
        if parts[1] != self.id.hex():
            raise ValueError(text)
        self.public = Ed25519PublicKey.from_public_bytes(key[1:])
        self.valid_from, self.valid_until = valid_from, valid_until

    def _id(self, kind, key):
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]

    def verifies(self, text, signature):
        try:
            self.public.verify(signature, text)
            return True
        except InvalidSignature:
            return False


class Note:
    """None of its parts counts before signed_by has said so."""

    def __init__(self, note):
        split = note.rfind("\n\n")
        if split < 1 or len(note) > 1_000_000 or not note.endswith("\n") or any(c < " " and c != "\n" for c in note):
            raise ValueError("no signed note")
        self.text = note[:split + 1]
        self.signatures = []
        for line in note[split + 2:-1].split("\n"):
            parts = line.split(" ")
            value = decode(parts[2]) if len(parts) == 3 and parts[0] == "\u2014" and parts[1] else None
            if value is None or len(value) < 5:
                raise ValueError("no signed note")
            self.signatures.append((parts[1], value[:4], value[4:]))

    def signed_by(self, key):
        """(whether the key signed it, when or None)."""
        signed, time, text = False, None, self.text.encode()
        for name, key_id, signature in self.signatures:
            if name != key.name:
                continue
            if key_id == key.id:
                if not key.verifies(text, signature):
                    return False, None
                signed = True
            elif key_id == key.timed_id:
                seconds = int.from_bytes(signature[:8], "big")
                timed = b"cosignature/v1\ntime %d\n" % seconds + text
                if seconds > 253_402_300_799 or not key.verifies(timed, signature[8:]):
                    return False, None
                time = datetime.datetime.fromtimestamp(seconds, UTC)
        return signed, time


class Checkpoint:
    def __init__(self, text, note):
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise ValueError("no checkpoint")
        self.origin, self.size, root = lines[0], lines[1], decode(lines[2])
        if not self.size.isascii() or not self.size.isdigit() or str(int(self.size)) != self.size or root is None or len(root) != 32:
            raise ValueError("no checkpoint")
        self.size, self.root, self.note, self.signed_at = int(self.size), root, note, None


class Verdict:
    def __init__(self):
        self.problems, self.checkpoint, self.events = [], None, 0

    def add(self, kind, message, seq=None):
        self.problems.append({"kind": kind, "seq": seq, "message": message})

    def checked(self, text, keys):
        """The checkpoint, when a trusted key signed it in its time; otherwise None, and a problem."""
        try:
            note = Note(text)
            checkpoint = Checkpoint(note.text, text)
        except ValueError:
            self.add("forged_checkpoint", "It is no signed checkpoint.")
            return None
        kind, message = "forged_checkpoint", f"No key that is trusted has signed the checkpoint of {checkpoint.origin}."
        for key in (key for key in keys if key.name == checkpoint.origin):
            signed, time = note.signed_by(key)
            if not signed:
                continue
            if key.valid_from is None and key.valid_until is None or time and key.valid_from <= time < key.valid_until:
                checkpoint.signed_at = time
                return checkpoint
            kind, message = "expired_key", f"The key {key.id.hex()} was not valid when it signed."
        self.add(kind, message)
        return None

    def compare(self, expected, found):
        """Events that are there, as (seq, hash), with those of the tree, which ascend."""
        seqs = {leaf: seq for seq, leaf in expected}
        missing, unknown, last, problems = {seq for seq, _ in expected}, [], 0, []
        previous = expected[0][0] - 1 if expected else None
        for said, leaf in found:
            seq = seqs.get(leaf)
            if seq is None:
                # One that says no number stands for the one that belongs here.
                previous = said if said is not None else previous + 1 if previous is not None else None
                unknown.append(previous)
                continue
            previous = seq
            if seq not in missing:
                problems.append((seq, "inserted", f"Event {seq} is there twice."))
            else:
                missing.remove(seq)
                if seq < last:
                    problems.append((seq, "reordered", f"Event {seq} comes after event {last}."))
                else:
                    last = seq
        for seq in unknown:
            if seq in missing:
                missing.remove(seq)
                problems.append((seq, "changed", f"Event {seq} is not as it was logged."))
            else:
                problems.append((seq, "inserted", f"An event that says it is number {seq} was never logged."))
        problems += [(seq, "dropped", f"Event {seq} is missing.") for seq in missing]
        for seq, kind, message in sorted(problems, key=lambda p: (sys.maxsize if p[0] is None else p[0], p[1])):
            self.add(kind, message, seq)


def found(entry):
    """(the number that an event says it has, the hash of its bytes)."""
    try:
        item = json.loads(entry)
        seq = item.get("seq") if isinstance(item, dict) else None
        seq = seq if type(seq) is int else None
    except (ValueError, RecursionError):
        seq = None
    return seq, leaf_hash(entry)


# What can be verified.

def verify_event(text, keys):
    """One event, with the answer of /api/audit-logs/ID/proof."""
    try:
        proof = json.loads(text)
        note, entry = proof["checkpoint"], proof["entry"].encode()
        index, size, said, hashes = proof["index"], proof["tree_size"], decode(proof["leaf_hash"]), hashes_of(proof["hashes"])
        if not isinstance(note, str):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CouldNot("It is no proof of an event with its checkpoint.") from None
    verdict = Verdict()
    verdict.checkpoint, verdict.events = verdict.checked(note, keys), 1
    seq, leaf = found(entry)
    if leaf != said:
        verdict.add("changed", f"Event {seq} is not as it was logged.", seq)
    elif verdict.checkpoint and (
            size != verdict.checkpoint.size or hashes is None or seq != index + 1
            or not is_included(leaf, index, size, hashes, verdict.checkpoint.root)):
        verdict.add("not_included", f"Event {seq} is not in the signed log at that place.", seq)
    return verdict


def verify_export(path, keys):
    """An export with its manifest and its proof beside it."""
    base = path[:-len(".jsonl")] if path.endswith(".jsonl") else path
    for part in (base + ".manifest.json", base + ".proof.jsonl"):
        if not os.path.exists(part):
            raise CouldNot(f"{part} is not there: without it the export cannot be verified.")
    try:
        with open(base + ".manifest.json", "rb") as file:
            manifest = json.load(file)
        counts = manifest["first_seq"], manifest["last_seq"], manifest["events"]
        note, sha256 = manifest["checkpoint"], manifest["sha256"]
    except (ValueError, KeyError, TypeError):
        raise CouldNot(f"{base}.manifest.json is no manifest of an export.") from None
    verdict = Verdict()
    verdict.checkpoint = verdict.checked(note, keys)
    if not verdict.checkpoint:
        return verdict
    expected, tree = [], Tree()
    try:
        with open(base + ".proof.jsonl", "rb") as file:
            for line in filter(None, (line.rstrip(b"\n") for line in file)):
                part = json.loads(line)
                begin, end = part["from"] - 1, part["to"]
                hashes = hashes_of(part["leaves"] if "leaves" in part else part["subtrees"])
                sizes = [1] * (end - begin) if "leaves" in part else list(subtrees(begin, end))
                if begin != tree.size or end > verdict.checkpoint.size or end <= begin or hashes is None or len(hashes) != len(sizes):
                    raise ValueError(line)
                for size, value in zip(sizes, hashes):
                    if "leaves" in part:
                        expected.append((tree.size + 1, value))
                    tree.add(value, size)
        proved = tree.size == verdict.checkpoint.size and tree.root() == verdict.checkpoint.root
    except (ValueError, KeyError, TypeError):
        proved = False
    if not proved:
        verdict.add("rewritten", "The proof of the export does not lead to the signed root.")
        return verdict
    digest = hashlib.sha256()
    events = []
    with open(path, "rb") as file:
        for line in file:
            digest.update(line)
            if line.rstrip(b"\n"):
                events.append(found(line.rstrip(b"\n")))
    verdict.events = len(events)
    if [leaf for _, leaf in expected] != [leaf for _, leaf in events]:
        verdict.compare(expected, events)
    if not verdict.problems and digest.hexdigest() != sha256:
        verdict.add("changed_file", "The file is not the one that was exported, though its events are.")
    if counts != (expected[0][0] if expected else 0, expected[-1][0] if expected else 0, len(expected)):
        verdict.add("changed_manifest", "The manifest names other events than the proof.")
    return verdict


class Platform:
    def __init__(self, url, token, organization):
        self.base = url.rstrip("/") + "/api/audit-logs/"
        self.headers = {"Authorization": f"Bearer {token}", "User-Agent": "envplatform-verify"}
        if organization:
            self.headers["X-Org-Name"] = organization

    def get(self, path, missing=None):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, headers=self.headers), timeout=100) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404 and missing is not None:
                return missing
            raise CouldNot(f"The platform answered {error.code} to {path}: {error.read(300).decode(errors='replace')}") from None
        except (urllib.error.URLError, OSError) as error:
            raise CouldNot(f"The platform cannot be reached: {error}") from None


def tile_path(index, width):
    path = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        path = f"x{index % 1000:03}/{path}"
    return path if width == TILE else f"{path}.p/{width}"


def verify_live(platform, keys, earlier, max_age):
    """The log as the platform serves it; earlier: texts of checkpoints that were kept."""
    verdict = Verdict()
    kept = [checkpoint for checkpoint in (verdict.checked(text, keys) for text in earlier) if checkpoint]
    checkpoint = verdict.checkpoint = verdict.checked(platform.get("checkpoint").decode(), keys)
    if not checkpoint:
        return verdict
    if not checkpoint.signed_at or datetime.datetime.now(UTC) - checkpoint.signed_at > max_age:
        verdict.add("stale_checkpoint", f"The checkpoint was signed at {checkpoint.signed_at}: what happened since is not known.")
    for before in kept:
        if before.origin != checkpoint.origin:
            verdict.add("split_view", f"The checkpoint of before is one of {before.origin}, this one of {checkpoint.origin}.")
        elif before.size > checkpoint.size:
            verdict.add("rolled_back", f"The log had {before.size} events and now has {checkpoint.size}.")
        elif before.size == checkpoint.size:
            if before.root != checkpoint.root:
                verdict.add("split_view", f"There are two signed logs of {before.size} events with different roots.")
        else:
            try:
                proof = hashes_of(json.loads(platform.get(f"consistency?from={before.size}&to={checkpoint.size}", b"{}"))["hashes"])
            except (ValueError, KeyError, TypeError):
                proof = None
            if proof is None or not is_consistent(before.size, before.root, checkpoint.size, checkpoint.root, proof):
                verdict.add("split_view", f"The log does not begin as the one of {before.size} events that was signed before.")
    tree = Tree()
    for tile in range((checkpoint.size + TILE - 1) // TILE):
        width = min(TILE, checkpoint.size - tile * TILE)
        path = tile_path(tile, width)
        hashes = platform.get("tile/0/" + path, b"")
        bundle, events = platform.get("tile/entries/" + path, b""), []
        while len(bundle) >= 2 and len(bundle) >= 2 + int.from_bytes(bundle[:2], "big"):
            end = 2 + int.from_bytes(bundle[:2], "big")
            events.append(found(bundle[2:end]))
            bundle = bundle[end:]
        leaves = [hashes[i * 32:i * 32 + 32] for i in range(min(width, len(hashes) // 32))]
        for leaf in leaves:
            tree.add(leaf)
        if leaves != [leaf for _, leaf in events]:
            verdict.compare([(tile * TILE + i + 1, leaf) for i, leaf in enumerate(leaves)], events)
        verdict.events += len(events)
        if len(leaves) < width:
            break
    if tree.size != checkpoint.size or tree.root() != checkpoint.root:
        verdict.add("rewritten", "The tree as it is served does not lead to the signed root.")
    return verdict


# The command line.

def read_keys(given):
    if not os.path.exists(given):
        text, name = given, repr(given)
    else:
        with open(given, encoding="utf-8") as file:
            text, name = file.read(), given
    try:
        if text.lstrip().startswith("{"):
            keys = [Key(item["key"], time_of(item["valid_from"]), time_of(item["valid_until"])) for item in json.loads(text)["items"]]
        else:
            keys = [Key(line) for line in map(str.strip, text.split("\n")) if line and not line.startswith("#")]
    except (ValueError, KeyError, TypeError):
        keys = []
    if not keys:
        raise Usage(f"{name} holds no keys: NAME+ID+KEY a line, or the answer of /api/audit-logs/keys.")
    return keys


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def run(arguments):
    parser = argparse.ArgumentParser(prog="envplatform_verify.py", description="Verifies audit logs of EnvPlatform.")
    parser.error = lambda message: (_ for _ in ()).throw(Usage(message))
    parser.add_argument("file", nargs="?", help="an export (FILE.jsonl), or the proof of an event; without it, the live log")
    parser.add_argument("--key", action="append", required=True, metavar="KEY|FILE", help="a key that is trusted, or a file of keys")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="a checkpoint that was kept; for a live log")
    parser.add_argument("--url", help="the platform; the token is in ENVPLATFORM_TOKEN")
    parser.add_argument("--org", help="the organization's slug")
    parser.add_argument("--max-age", type=int, default=20, metavar="MINUTES", help="how old the live log's checkpoint may be (20)")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    options = parser.parse_args(arguments)
    keys = [key for given in options.key for key in read_keys(given)]
    if options.file:
        if not os.path.exists(options.file):
            raise CouldNot(f"There is no file {options.file}.")
        if options.file.endswith(".jsonl"):
            verdict = verify_export(options.file, keys)
        else:
            with open(options.file, encoding="utf-8") as file:
                verdict = verify_event(file.read(), keys)
    else:
        token = os.environ.get("ENVPLATFORM_TOKEN")
        if not options.url or not token:
            raise Usage("A live log needs --url, and a token in ENVPLATFORM_TOKEN.")
        earlier = []
        for name in options.checkpoint:
            with open(name, encoding="utf-8", newline="") as file:
                earlier.append(file.read())
        verdict = verify_live(Platform(options.url, token, options.org), keys, earlier, datetime.timedelta(minutes=options.max_age))
    checkpoint = verdict.checkpoint
    if options.json:
        print(json.dumps({
            "verified": not verdict.problems,
            "log": checkpoint.origin if checkpoint else None,
            "size": checkpoint.size if checkpoint else None,
            "root": base64.b64encode(checkpoint.root).decode() if checkpoint else None,
            "signed_at": checkpoint.signed_at.strftime("%Y-%m-%dT%H:%M:%SZ") if checkpoint and checkpoint.signed_at else None,
            "events": verdict.events,
            "problems": verdict.problems,
        }))
    else:
        if checkpoint:
            print(f"{checkpoint.origin}: {checkpoint.size} events, signed {checkpoint.signed_at or 'at an unknown time'}")
        for problem in verdict.problems:
            print(f"{problem['kind']}: {problem['message']}")
        print(f"NOT verified: {len(verdict.problems)} problems." if verdict.problems else f"Verified: {verdict.events} events.")
    return FOUND if verdict.problems else FINE


def main():
    try:
        sys.exit(run(sys.argv[1:]))
    except Usage as problem:
        print(f"envplatform_verify.py: {problem}", file=sys.stderr)
        sys.exit(USAGE)
    except (CouldNot, OSError, UnicodeDecodeError) as problem:
        print(f"envplatform_verify.py: {problem}", file=sys.stderr)
        sys.exit(COULD_NOT)


if __name__ == "__main__":
    main()
