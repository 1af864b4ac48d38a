"""One worker process, spoken to as the program does: a frame is the length of its JSON in four bytes, little-endian, and the JSON."""

import json
import os
import struct
import subprocess
import tempfile


class Worker:
    """A worker that holds a model. Its standard error goes to ours."""

    def __init__(self, program, model, context, threads=2, role="chat"):
        self.cache = tempfile.TemporaryDirectory()
        environment = {**os.environ, "HF_HOME": self.cache.name, "RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        spec = {
            "id": "reference", "name": "reference", "role": role, "format": "gguf", "path": os.path.abspath(model),
            "size": os.path.getsize(model), "architecture": "", "context_length": context, "licence": None, "bundled": False,
        }
        self.send({"do": "load", "spec": spec, "states": None})
        loaded = self.receive()
        if loaded["is"] != "loaded":
            raise SystemExit(f"{program}: {loaded}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.cache.cleanup()

    def send(self, request):
        body = json.dumps(request).encode()
        self.process.stdin.write(struct.pack("<I", len(body)) + body)
        self.process.stdin.flush()

    def receive(self):
        head = self.process.stdout.read(4)
        if len(head) < 4:
            raise SystemExit(f"{self.process.args[0]} has ended")
        return json.loads(self.process.stdout.read(struct.unpack("<I", head)[0]))

    def greedy(self, messages, tokens):
        """The pieces of the greedy answer of at most so many tokens, and the event that ended it."""
        request = {
            "model": "reference", "messages": messages, "max_tokens": tokens, "temperature": 0.0, "top_p": 1.0, "stop": [],
        }
        self.send({"do": "generate", "id": 1, "request": request})
        pieces, done = [], None
        while (event := self.receive())["is"] != "idle":
            if event["is"] == "failed":
                raise SystemExit(f"{self.process.args[0]}: {event['error']}")
            said = event.get("event", {"kind": None})
            if said["kind"] in ("delta", "thought"):
                pieces.append(said["text"])
            elif said["kind"] == "done":
                done = said
        return pieces, done

    def call(self, answer, request):
        self.send({"id": 2, **request})
        heard = self.receive()
        if heard["is"] != answer:
            raise SystemExit(f"{self.process.args[0]}: {heard}")
        return heard

    def count(self, texts):
        """The number of tokens of each text."""
        return self.call("counted", {"do": "count_tokens", "texts": texts})["counts"]

    def embed(self, texts):
        """The vector of each passage."""
        return self.call("embedded", {"do": "embed", "texts": texts, "purpose": "passage"})["vectors"]

    def rerank(self, query, texts):
        """How well each passage answers."""
        return self.call("reranked", {"do": "rerank", "query": query, "texts": texts})["scores"]
