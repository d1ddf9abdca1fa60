"""Phones for benchmarks: many connections that post beats one after the other; one line of JSON at the end.

    python _beat_load.py PORT TOKENS.json --connections 64 --size 10 --seconds 2 --start 0

Standard library only, one thread, requests written by hand: on a small machine the phones take the cores from the school.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
import time

BEAT_MS = 1
"""So short a beat that thousands a second stay within what the server's clock allows."""


class Phone:
    def __init__(self, port: int, token: str, start: int, size: int, clock_ms: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.token, self.seq, self.size, self.clock_ms = token, start, size, clock_ms
        self.sent_at = 0.0
        self.heard = b""

    def send(self) -> None:
        beats = []
        for _ in range(self.size):
            at = self.seq * BEAT_MS
            beats.append(
                f'{{"seq":{self.seq},"intervals":[[{at},{at + BEAT_MS}]],"position_ms":{at + BEAT_MS},'
                f'"rate":1,"visible":true,"clock_ms":{self.clock_ms + at}}}'
            )
            self.seq += 1
        body = f'{{"token":"{self.token}","sent_ms":{self.clock_ms + at},"beats":[{",".join(beats)}]}}'
        self.sent_at = time.perf_counter()
        self.socket.sendall(
            b"POST /api/archive/beats HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body.encode()
        )

    def hear(self) -> int | None:
        """The status when an answer is whole."""
        said = self.socket.recv(65536)
        if not said:
            raise ConnectionError("the school hung up")
        self.heard += said
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if not found:
            return None
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        if len(body) < length:
            return None
        self.heard = b""
        return int(head[9:12])


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("port", type=int)
    asked.add_argument("tokens")
    asked.add_argument("--connections", type=int, default=64)
    asked.add_argument("--size", type=int, default=1)
    asked.add_argument("--seconds", type=float, default=2.0)
    asked.add_argument("--start", type=int, default=0)
    chosen = asked.parse_args(words)
    with open(chosen.tokens, encoding="utf-8") as file:
        tokens = json.load(file)[: chosen.connections]
    now_ms = int(time.time() * 1000)
    phones = {}
    poll = select.epoll()
    for token in tokens:
        phone = Phone(chosen.port, token, chosen.start, chosen.size, now_ms)
        phones[phone.socket.fileno()] = phone
        poll.register(phone.socket.fileno(), select.EPOLLIN)
    spent, begun = time.process_time(), time.perf_counter()
    until = begun + chosen.seconds
    waits: list[float] = []
    refused: dict[int, int] = {}
    last = begun
    for phone in phones.values():
        phone.send()
    busy = len(phones)
    while busy:
        for number, _event in poll.poll(5):
            phone = phones[number]
            status = phone.hear()
            if status is None:
                continue
            now = time.perf_counter()
            if status == 200:
                waits.append(now - phone.sent_at)
                last = now
            else:
                refused[status] = refused.get(status, 0) + 1
            if now < until:
                phone.send()
            else:
                busy -= 1
    waits.sort()
    print(
        json.dumps(
            {
                "answers": len(waits),
                "beats": len(waits) * chosen.size,
                "beats_per_s": len(waits) * chosen.size / (last - begun),
                "p50_ms": waits[len(waits) // 2] * 1000 if waits else None,
                "p95_ms": waits[int(len(waits) * 0.95)] * 1000 if waits else None,
                "refused": refused,
                "load_cpu_s": time.process_time() - spent,
                "next": max(phone.seq for phone in phones.values()),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
