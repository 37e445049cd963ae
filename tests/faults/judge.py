"""Reads mail files without any code of dmail: Python's mailbox module for mbox, a few lines for mbx.

`ledger(folder)` gives, per mailbox file, the list of (message id, digest of the text, whole?).
"""
import hashlib
import mailbox
import os
import re

MBX_LINE = re.compile(rb"[ \d]\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [+-]\d{4},(\d+);([0-9A-Fa-f]{8})([0-9A-Fa-f]{4})-([0-9A-Fa-f]{8})\r\n")
STATE = re.compile(rb"^(X-DMail|X-IMAPbase|X-UID|Status|X-Status|X-Keywords):[^\n]*\n", re.I)
OURS = re.compile(rb"^X-DMail:", re.I)


def text_of(raw):
    """The text a reader of our mbox gets: the state block off, quoting off, CRLF."""
    ours = OURS.match(raw)
    while ours and STATE.match(raw):
        raw = raw[STATE.match(raw).end():]
    if ours:
        raw = re.sub(rb"(?m)^>(>*From )", rb"\1", raw)
    return re.sub(rb"\r?\n", b"\r\n", raw)


def mbox_messages(path):
    box = mailbox.mbox(path, create=False)
    out = []
    for key in box.keys():
        out.append(text_of(box.get_bytes(key)))
    box.close()
    return out


def mbx_messages(path):
    with open(path, "rb") as f:
        data = f.read()
    at, out = 2048, []
    while at < len(data):
        m = MBX_LINE.match(data, at)
        if not m:
            raise ValueError("%s: no message line at %d: %r" % (path, at, data[at:at + 80]))
        end = m.end() + int(m.group(1))
        if end > len(data):
            raise ValueError("%s: the message at %d is cut short" % (path, at))
        if not int(m.group(3), 16) & 0x8000:
            out.append(data[m.end():end])
        at = end
    return out


def messages(path):
    with open(path, "rb") as f:
        magic = f.read(5)
    return mbx_messages(path) if magic == b"*mbx*" else mbox_messages(path)


def message_id(text):
    m = re.search(rb"(?im)^Message-ID: *<([^>]*)>", text)
    return m.group(1).decode() if m else "?"


def digest(text):
    """Of the message from its From: header on, without the line ends at its end."""
    m = re.search(rb"(?m)^From: ", text)
    return hashlib.sha256(text[m.start() if m else 0:].rstrip(b"\r\n")).hexdigest()
