"""Adds, replaces and finds the same vectors and texts in our index and in chromadb, side by side.

    python stores.py OURS [SIZE ...]

OURS is the program molt-lance-bench. Sizes are in chunks; documents have ten. Vectors are drawn around 1,000 centres, texts from a
vocabulary with the frequencies of natural language (Zipf). Each store runs in a process of its own, in batches of 256 chunks, with its
own upkeep. Prints the figures as JSON; chromadb's stand beside ours.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

DIMENSION, QUERIES, UPDATES, CHUNKS, BATCH, HITS = 384, 200, 200, 10, 256, 10
SEED = 20261121


def make(folder, rows):
    """vectors.f32 and queries.f32 (rows of 32-bit floats), texts.json and questions.json (lists)."""
    draw = np.random.default_rng(SEED)
    centres = draw.standard_normal((1000, DIMENSION), dtype=np.float32)
    near = lambda count: centres[draw.integers(0, 1000, count)] + 0.7 * draw.standard_normal((count, DIMENSION), dtype=np.float32)
    unit = lambda vectors: vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    unit(near(rows)).astype("<f4").tofile(os.path.join(folder, "vectors.f32"))
    unit(near(QUERIES)).astype("<f4").tofile(os.path.join(folder, "queries.f32"))
    vocabulary = ["".join(draw.choice(list("abcdefghiklmnoprstuvw"), draw.integers(3, 10))) for _ in range(20_000)]
    words = lambda count: [vocabulary[at] for at in np.minimum(draw.zipf(1.2, count), 20_000) - 1]
    # Rare words make up most of what people search for.
    rare = lambda count: [vocabulary[at] for at in draw.integers(200, 20_000, count)]
    text = lambda: " ".join(words(70) + rare(10))
    for name, texts in [("texts", [text() for _ in range(rows)]), ("questions", [" ".join(rare(3)) for _ in range(QUERIES)])]:
        with open(os.path.join(folder, f"{name}.json"), "w") as file:
            json.dump(texts, file)


def load(folder, name):
    return np.fromfile(os.path.join(folder, f"{name}.f32"), "<f4").reshape(-1, DIMENSION)


def size_of(folder):
    return sum(os.path.getsize(os.path.join(where, name)) for where, _, names in os.walk(folder) for name in names)


def forget_peak():
    """From here on the peak is that of what follows, and not of reading the data."""
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")


def memory():
    """Peak resident memory of this process, MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def chroma(folder, data, size):
    """The same work as molt-lance-bench does, with chromadb."""
    import chromadb
    from chromadb.config import Settings

    vectors, queries = load(data, "vectors"), load(data, "queries")
    with open(os.path.join(data, "texts.json")) as file:
        texts = json.load(file)
    forget_peak()
    before = memory()
    client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
    store = client.create_collection("chunks", metadata={"hnsw:space": "cosine"}, embedding_function=None)
    document = lambda row: {"document": f"d{row // CHUNKS}"}

    def add(ids, rows):
        store.add(ids=ids, embeddings=vectors[rows], documents=[texts[row] for row in rows], metadatas=[document(row) for row in rows])

    begun = time.perf_counter()
    for first in range(0, size, BATCH):
        rows = range(first, min(first + BATCH, size))
        add([f"c{row}" for row in rows], rows)
    added = time.perf_counter() - begun
    times, hits = [], []
    for query in queries:
        begun = time.perf_counter()
        found = store.query(query_embeddings=[query], n_results=HITS, include=["distances"])
        times.append(time.perf_counter() - begun)
        hits.append(found["ids"][0])
    updates = []
    for update in range(UPDATES):
        at = update % (size // CHUNKS)
        old = [f"c{row}" if update < size // CHUNKS else f"u{update - size // CHUNKS}-{row}" for row in range(at * CHUNKS, (at + 1) * CHUNKS)]
        rows = range(at * CHUNKS, (at + 1) * CHUNKS)
        begun = time.perf_counter()
        store.delete(ids=old)
        add([f"u{update}-{row}" for row in rows], rows)
        updates.append(time.perf_counter() - begun)
    print(json.dumps({"add_seconds": added, "query_seconds": times, "hits": hits, "update_seconds": updates, "memory_mb": memory() - before, "disk_mb": size_of(folder) / 2**20}))


def recall(data, size, hits):
    """The share of the ten nearest that were found."""
    vectors, queries = load(data, "vectors")[:size], load(data, "queries")
    nearest = np.argpartition(-(queries @ vectors.T), HITS, axis=1)[:, :HITS]
    return float(np.mean([len({f"c{row}" for row in rows} & set(found)) / HITS for rows, found in zip(nearest, hits)]))


def main():
    if sys.argv[1] == "--chroma":
        return chroma(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    ours, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]] or [1_000, 10_000, 100_000]
    data = tempfile.mkdtemp(prefix="molt-stores-")
    figures = []
    try:
        make(data, max(sizes))
        for size in sizes:
            said = []
            for command in [[ours], [sys.executable, os.path.abspath(__file__), "--chroma"]]:
                folder = tempfile.mkdtemp(prefix="molt-store-")
                run = subprocess.run([*command, folder, data, str(size)], stdout=subprocess.PIPE, check=True, encoding="utf-8")
                said.append(json.loads(run.stdout.splitlines()[-1]))
                shutil.rmtree(folder)
                print(f"{size} chunks: {os.path.basename(command[0])} is through", file=sys.stderr)
            quantile = lambda one, name, part: float(np.quantile(one[name], part)) * 1000
            for name, unit, value in [
                ("add", "chunks/s", lambda one: size / one["add_seconds"]),
                ("replace a document of 10 chunks, median", "ms", lambda one: quantile(one, "update_seconds", 0.5)),
                ("replace a document of 10 chunks, p99", "ms", lambda one: quantile(one, "update_seconds", 0.99)),
                ("query by vector, p50", "ms", lambda one: quantile(one, "query_seconds", 0.5)),
                ("query by vector, p99", "ms", lambda one: quantile(one, "query_seconds", 0.99)),
                ("recall@10", "", lambda one: recall(data, size, one["hits"])),
                ("peak memory", "MB", lambda one: one["memory_mb"]),
                ("disk after 200 updates", "MB", lambda one: one["disk_mb"]),
            ]:
                figures.append({"name": f"{size} chunks: {name}", "unit": unit, "value": value(said[0]), "peer": "chromadb", "peer_value": value(said[1])})
            for part, name in [(0.5, "p50"), (0.99, "p99")]:
                figures.append({"name": f"{size} chunks: query by words, {name}", "unit": "ms", "value": quantile(said[0], "words_seconds", part)})
            figures.append({"name": f"{size} chunks: upkeep after 200 updates", "unit": "ms", "value": said[0]["upkeep_seconds"] * 1000})
    finally:
        shutil.rmtree(data)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
