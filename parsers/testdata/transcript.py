"""Writes packets as the lines of a transcript: tshark's fields time, source,
source port, destination port, payload and FIN (of TCP) come in. It is used by lib.sh."""
import sys

port, style = sys.argv[1], sys.argv[2]


def quoted(b):
    text = b.decode().replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def printable(c):
    return 32 <= c < 127


def text(b):
    """Lines, if all of it is text."""
    if not all(printable(c) or c in b"\t\r\n" for c in b):
        return raw(b)
    return [quoted(line) for line in b.splitlines(keepends=True)]


def raw(b):
    return [b[i : i + 32].hex() for i in range(0, len(b), 32)]


def upgraded(b):
    if b"HTTP/1.1\r\n" in b[:40] or b[:12] == b"HTTP/1.1 101":
        b = b[b.index(b"\r\n\r\n") + 4 :]
    return raw(b)


def mixed(b):
    """Runs of four and more printable bytes are text."""
    pieces, i = [], 0
    while i < len(b):
        j = i
        while j < len(b) and printable(b[j]):
            j += 1
        if j - i >= 4:
            pieces.append(quoted(b[i:j]))
            i = j
            continue
        k = i + 1
        while k < len(b):
            j = k
            while j < len(b) and printable(b[j]):
                j += 1
            if j - k >= 4:
                break
            k = max(j, k + 1)
        pieces.append(b[i:k].hex())
        i = k
    rows = []
    for piece in pieces:
        if rows and len(rows[-1]) + len(piece) <= 100:
            rows[-1] += " " + piece
        else:
            rows.append(piece)
    return rows


last, closed, first = 0, "", ""
for line in sys.stdin:
    time, host, source, destination, data, *fin = line.rstrip("\n").split("\t")
    first = first or host
    fin = fin == ["1"]
    if not data and not fin:
        continue
    us = round(float(time) * 1e6)
    if us > last:
        print("+%dus" % (us - last))
    last = us
    if source == destination:
        mark = side = ">" if host == first else "<"
    else:
        mark = side = ">" if destination == port else "<"
    for row in {"text": text, "mixed": mixed, "hex": raw, "upgraded": upgraded}[style](bytes.fromhex(data)):
        print(side, row)
        side = " "
    if fin and mark not in closed:
        print(mark, "eof")
        closed += mark
