"""Turns prompts into tensors.

All endings of a prompt share its beginning in one row: every ending starts at
the position after the beginning and cannot see the other endings.  To the
network each ending is exactly a prompt of its own, at a fraction of the cost.
"""

import random

import torch

from generate import Generator
from tokenizer import END, PAD


def encode(tok, prompt):
    """(beginning, [(question ids, answer ids)]) of a prompt."""
    endings = []
    for e in prompt.endings:
        q = tok.encode(e.question + "<|im_end|>\n<|im_start|>assistant\n").ids
        endings.append((q, tok.encode(e.answer).ids + [END]))
    return tok.encode(prompt.text).ids, endings


def length(row):
    """The number of tokens of an encoded prompt."""
    return len(row[0]) + sum(len(q) + len(a) for q, a in row[1])


def collate(rows):
    """ids, pos, mask, kind for encoded prompts.  kind: 0 padding, 1 beginning,
    2 question, 3 answer (marked on the token to be predicted); seg numbers
    the endings."""
    size = -(-max(length(r) for r in rows) // 32) * 32
    n = len(rows)
    ids = torch.full((n, size), PAD)
    pos, kind = torch.zeros(n, size, dtype=torch.long), torch.zeros(n, size, dtype=torch.long)
    seg = torch.full((n, size), -1)
    for i, (head, endings) in enumerate(rows):
        at = len(head)
        ids[i, :at], pos[i, :at] = torch.tensor(head), torch.arange(at)
        kind[i, :at], seg[i, :at] = 1, 0
        for j, (q, a) in enumerate(endings, 1):
            end = at + len(q) + len(a)
            ids[i, at:end] = torch.tensor(q + a)
            pos[i, at:end] = torch.arange(len(head), len(head) + end - at)
            kind[i, at : at + len(q)], kind[i, at + len(q) : end] = 2, 3
            seg[i, at:end] = j
            at = end
    return ids, pos, causal_mask(seg), kind, seg


def causal_mask(seg):
    """Additive mask: a token sees earlier tokens of the beginning (segment 0)
    and of its own ending."""
    size = seg.shape[1]
    see = (seg[:, None, :] == 0) | (seg[:, None, :] == seg[:, :, None])
    see &= torch.ones(size, size, dtype=torch.bool).tril()
    return torch.zeros(see.shape, dtype=torch.bfloat16).masked_fill(~see, -1e4)[:, None]


def pool(tok, seed, stage, tokens, batches, held=False, longest=2048):
    """`batches` batches of about `tokens` tokens, rows of similar length
    together."""
    g, rows, total = Generator(seed, held), [], 0
    while total < tokens * batches:
        row = encode(tok, g.prompt(stage))
        if length(row) <= longest:
            rows.append(row)
            total += length(row)
    rows.sort(key=length)
    out, batch = [], []
    for row in rows:
        if batch and (len(batch) + 1) * length(row) > tokens * 1.1:
            out.append(batch)
            batch = []
        batch.append(row)
    out.append(batch)
    random.Random(seed).shuffle(out)
    return out


def repeats(seed, tokens, vocab, size=40):
    """Random tokens said twice: the quickest way to heads that copy.  Three
    kinds of row differ in the length of the repeated part."""
    g = torch.Generator().manual_seed(seed)
    size = (size // 2, size, 2 * size)[seed % 3]
    half = torch.randint(3, vocab, (tokens // (2 * size), size), generator=g)
    ids = torch.cat((half, half), 1)
    n, t = ids.shape
    seg, kind = torch.zeros(n, t, dtype=torch.long), torch.ones(n, t, dtype=torch.long)
    kind[:, size + 1 :] = 3
    start = torch.randint(0, 600, (n, 1), generator=g)
    return ids, torch.arange(t)[None] + start, causal_mask(seg), kind, seg
