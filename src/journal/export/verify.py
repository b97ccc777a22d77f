#!/usr/bin/env python3
"""Checks an export of offboard24 with nothing but Python 3.8 or newer. Written to be read; usage: python3 verify.py [FOLDER]

What it believes is what it computes here: SHA-256 sums of the files; the hash of each event (RFC 6962 leaf) and the chain through
them; the Merkle root at each checkpoint and the Ed25519 signature over it (RFC 8032); the personal values against what the
events committed to; and the number of actions in each state, counted from the events. It does not look into audit.db.

Whether the key is the right one, and whether the end was cut off, only something outside this folder can tell: compare the last
lines that it prints with a receipt, with the head file, or with the public key that was given to you beforehand.
"""
import base64, hashlib, json, os, re, sys
from collections import Counter

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
found = []  # what is not as it has to be


def check(holds, message):
    if not holds:
        found.append(message)
    return holds


def read(name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def lines(name):
    data = read(name)
    check(not data or data.endswith(b"\n"), name + " ends in the middle of a line")
    return data.split(b"\n")[:-1]


def parsed(name):
    """The objects of a file, each as it is spelt by whoever writes it once more."""
    for line in lines(name):
        value = json.loads(line)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        check(line == again, "%s is not spelt as it was written: %r" % (name, line[:60]))
        yield value


def decoded(text):
    data = base64.b64decode(text, validate=True)
    check(base64.b64encode(data).decode() == text, "it is no clean base64: " + text)
    return data


# --- Ed25519, the verification of RFC 8032, section 5.1.7 -------------------------------------------------------------------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):  # points are (x, y, z, t) with x = X/Z, y = Y/Z, x*y = T/Z
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def point(data):
    y = int.from_bytes(data, "little") & (2**255 - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and data[31] >> 7):
        raise ValueError("no point of the curve")
    if x & 1 != data[31] >> 7:
        x = P - x
    return x, y, 1, x * y % P


BASE = point(bytes([0x58]) + bytes([0x66]) * 31)


def is_signed(public, text, signature):
    try:
        a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except (ValueError, IndexError):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    same = (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0
    return len(signature) == 64 and s < L and same


# --- RFC 6962, section 2.1 --------------------------------------------------------------------------------------------------
class Tree:
    """The roots of the full subtrees so far, the largest first: enough for the root of everything."""

    def __init__(self):
        self.parts = []

    def push(self, leaf):
        size = 1
        while self.parts and self.parts[-1][0] == size:
            left = self.parts.pop()[1]
            leaf, size = hashlib.sha256(b"\x01" + left + leaf).digest(), size * 2
        self.parts.append((size, leaf))

    def root(self):
        root = self.parts[-1][1]
        for _, left in reversed(self.parts[:-1]):
            root = hashlib.sha256(b"\x01" + left + root).digest()
        return root


# --- The files --------------------------------------------------------------------------------------------------------------
def check_sums():
    listed = {}
    for line in lines("SHA256SUMS"):
        digest, _, name = line.decode().partition("  ")
        listed[name] = digest
    present = {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}
    for name in sorted(present ^ (set(listed) | {"SHA256SUMS"})):
        check(False, name + " is missing or too much")
    for name in sorted(present & set(listed)):
        check(hashlib.sha256(read(name)).hexdigest() == listed[name], name + " is not as its sum says")


# --- The notes: C2SP signed-note and tlog-checkpoint --------------------------------------------------------------------------
def public_key(text):
    name, digits, key = text.split("+", 2)
    key = decoded(key)
    check(hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == digits and key[0] == 1, "a key is not what it says: " + text)
    return name, bytes.fromhex(digits), key[1:]


def check_note(size, note, origin, root, keys):
    text, _, signatures = note.rpartition("\n\n")
    wanted = "%s\n%d\n%s" % (origin, size, base64.b64encode(root).decode())
    check(text == wanted, "the checkpoint over %d events says something else than they give" % size)
    signed = set()
    for line in signatures.rstrip("\n").split("\n"):
        dash, name, data = line.split(" ")
        data = decoded(data)
        for key in keys:
            if dash == "\u2014" and (name, data[:4]) == key[:2] and is_signed(key[2], text.encode() + b"\n", data[4:]):
                signed.add(key)
    check(signed == set(keys), "the checkpoint over %d events is not signed by the key in force" % size)


# --- The values ---------------------------------------------------------------------------------------------------------------
def commitments(value):
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return [one for part in parts for one in commitments(part)]
    is_one = isinstance(value, str) and re.fullmatch("sha256:[0-9a-f]{64}", value)
    return [value[7:]] if is_one else []


def promises(seq, event):
    """Each commitment of an event: where it is made, and the user or the row of the roster that it is about."""
    kind, data = event["kind"], event["data"]
    field = {"row_read": "id", "user_recorded": "user", "task_recorded": "user", "workflow_recorded": "document_name_about"}
    user = data.get(field.get(kind))
    row = data["row"] if kind == "row_read" and user is None else None
    headers = [cell["column"] for cell in data["other"]] if kind == "row_read" else []
    for one in commitments(data):
        yield one, (seq, event["job"]) + ((None, None) if "sha256:" + one in headers else (user, row))


def check_values(promised, redactions):
    last = (-1, "")
    for value in parsed("personal.jsonl"):
        one, event = value["commitment"], value["event"]
        check(last < (event, one), "the values are not in order at " + one)
        last = event, one
        seq, job, user, row = promised.pop(one, (None, None, None, None))
        check((seq, user, row) == (event, value["user"], value["row"]), "no event promised the value %s as it stands" % one)
        erased = any(
            at > event and (user is not None and user == who["user"] or [job, row] in who["rows"] or one in who["also"])
            for at, who in redactions
        )
        if value["value"] is None and value["salt"] is None:
            check(erased, "the value %s is gone, and no event says that it was erased" % one)
        else:
            salt = bytes.fromhex(value["salt"])
            digest = hashlib.sha256(b"\x02" + salt + value["value"].encode()).hexdigest()
            check(digest == one and salt.hex() == value["salt"] and not erased, "the value %s is another one" % one)
    for one in promised:
        check(False, "the value %s is missing" % one)


# --- The story ----------------------------------------------------------------------------------------------------------------
def count(states, event):
    """What an event does to the state of an action; states is keyed by job and action."""
    kind, data, job = event["kind"], event["data"], event["job"]
    if kind == "plan_decided":
        for of, action in [key for key in states if key[0] == job]:
            del states[of, action]
    elif kind == "action_planned":
        states[job, data["action"]] = "held" if data["holds"] else "planned"
    elif kind in ("attempt_intended", "action_returned", "action_ended", "action_reopened"):
        after = {"attempt_intended": "sent", "action_ended": data.get("outcome")}
        check((job, data["action"]) in states, "an action was never planned: %s of job %s" % (data["action"], job))
        states[job, data["action"]] = after.get(kind, "planned")
    elif kind in ("run_finished", "job_closed"):
        counted = Counter(state for (of, _), state in states.items() if of == job)
        check(counted == Counter(dict(data["actions"])), "the totals of a %s of job %s are not what the events give" % (kind, job))


def main():
    (about,) = parsed("export.json")
    check(list(about) == ["format", "version", "database", "events", "redacted"] and about["format"] == 1, "export.json has another form")
    check(about["redacted"] in (True, False) and type(about["events"]) is int, "export.json has another form")
    check_sums()
    listed = [(note["size"], note["note"]) for note in parsed("checkpoints.jsonl")]
    check(listed == sorted(set(listed)), "the checkpoints are not in order")
    check(read("checkpoint.txt").decode() == (listed[-1][1] if listed else ""), "checkpoint.txt is not the newest checkpoint")
    notes, keys = dict(listed), []
    tree, before, seq = Tree(), None, -1
    origin, key, promised, redactions, states, unsigned = None, None, {}, [], {}, None
    for seq, body in enumerate(lines("events.jsonl")):
        event = json.loads(body)
        check(event["prev"] == before, "event %d does not follow the one before it" % seq)
        moment = event["run"], event["at"], event["monotonic_ms"], event["requests"]
        check(unsigned in (None, moment), "the events before %d were never signed" % seq)
        leaf = hashlib.sha256(b"\x00" + body).digest()
        before = leaf.hex()
        tree.push(leaf)
        signers = [key] if key else []
        if event["kind"] in ("signing_key_recorded", "signing_key_rotated"):
            key = public_key(event["data"]["key"])
            origin = event["data"].get("origin", origin)
            signers.append(key)
            keys.append(event["data"]["key"].encode())
        if event["kind"] == "personal_redacted":
            redactions.append((seq, event["data"]))
        if event["kind"] == "database_created":
            check(event["data"]["database"] == about["database"], "export.json is about another database")
        promised.update(promises(seq, event))
        count(states, event)
        note = notes.pop(seq + 1, None)
        if note is not None:
            check_note(seq + 1, note, origin, tree.root(), signers)
        # Each transaction ends with a checkpoint, and all its events have one reading of the clocks.
        unsigned = None if note is not None or key is None else moment
        check(note is not None or event["kind"] != "signing_key_rotated", "the rotation of the key at %d is not signed" % seq)
    check(not notes, "a checkpoint is about events that are not there")
    check(unsigned is None, "the last events are covered by no checkpoint")
    check(seq + 1 == about["events"], "there are not as many events as export.json says")
    check(lines("keys.txt") == keys, "keys.txt has other keys than the events")
    if about["redacted"]:
        check(not os.path.exists(os.path.join(folder, "personal.jsonl")), "the values are there, and were to be left out")
        print("the personal values were left out of this export")
    else:
        check_values(promised, redactions)
    for job in sorted({job for job, _ in states}):
        counted = Counter(state for (of, _), state in states.items() if of == job)
        print("job %s: %d actions, %s" % (job, sum(counted.values()), ", ".join("%d %s" % (n, s) for s, n in sorted(counted.items()))))
    print("%d events, root %s\nkey %s" % (seq + 1, base64.b64encode(tree.root()).decode(), key and "%s+%s+%s" % (
        key[0], key[1].hex(), base64.b64encode(b"\x01" + key[2]).decode())))


try:
    main()
except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as cause:
    found.append("it cannot be read: %s: %s" % (type(cause).__name__, cause))
for message in found:
    print("DAMAGED: " + message)
print("INTACT" if not found else "%d findings" % len(found))
sys.exit(11 if found else 0)
