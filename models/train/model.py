"""A minimal Qwen3 in PyTorch: RMSNorm, per-head q/k norm, half-rotation RoPE,
grouped attention, SwiGLU, tied embeddings.

The parameter names are the tensor names of the GGUF file (without `.weight`),
so that the export is a plain copy.  `Config` holds the shape of the shipped
model.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    """The shape of the network; every row length is a multiple of 32 (Q8_0)."""

    vocab: int = 0  # set from the tokenizer
    width: int = 256
    layers: int = 5
    heads: int = 4
    kv_heads: int = 4
    head_dim: int = 64
    ff: int = 512
    rope_base: float = 10000.0
    eps: float = 1e-6
    context: int = 2048

    def to_dict(self):
        """The shape as a plain dictionary, for the checkpoint."""
        return asdict(self)


class RMSNorm(nn.Module):
    """Root-mean-square norm, computed in float32."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.eps)
        return (y * self.weight).to(x.dtype)


def rope(x, cos, sin):
    """Half-rotation RoPE on (batch, heads, time, head_dim)."""
    half = x.shape[-1] // 2
    a, b = x[..., :half].float(), x[..., half:].float()
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(x.dtype)


def attend(q, k, v, mask):
    """Softmax attention with an additive mask.  Written out: on a CPU with
    bf16 matrix units this is several times faster in the backward pass than
    the fused kernel of PyTorch."""
    score = q @ k.transpose(-1, -2)
    score = score.float() * q.shape[-1] ** -0.5 + mask
    return torch.softmax(score, -1).to(v.dtype) @ v


class Block(nn.Module):
    """One transformer layer."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        self.attn_norm = RMSNorm(c.width, c.eps)
        self.attn_q = nn.Linear(c.width, q, bias=False)
        self.attn_k = nn.Linear(c.width, kv, bias=False)
        self.attn_v = nn.Linear(c.width, kv, bias=False)
        self.attn_q_norm = RMSNorm(c.head_dim, c.eps)
        self.attn_k_norm = RMSNorm(c.head_dim, c.eps)
        self.attn_output = nn.Linear(q, c.width, bias=False)
        self.ffn_norm = RMSNorm(c.width, c.eps)
        self.ffn_gate = nn.Linear(c.width, c.ff, bias=False)
        self.ffn_up = nn.Linear(c.width, c.ff, bias=False)
        self.ffn_down = nn.Linear(c.ff, c.width, bias=False)

    def forward(self, x, cos, sin, mask):
        c, (b, t, _) = self.c, x.shape
        h = self.attn_norm(x)
        q = self.attn_q(h).view(b, t, c.heads, c.head_dim).transpose(1, 2)
        k = self.attn_k(h).view(b, t, c.kv_heads, c.head_dim).transpose(1, 2)
        v = self.attn_v(h).view(b, t, c.kv_heads, c.head_dim).transpose(1, 2)
        q = rope(self.attn_q_norm(q), cos, sin)
        k = rope(self.attn_k_norm(k), cos, sin)
        if c.kv_heads != c.heads:
            n = c.heads // c.kv_heads
            k, v = k.repeat_interleave(n, 1), v.repeat_interleave(n, 1)
        y = attend(q, k, v, mask)
        x = x + self.attn_output(y.transpose(1, 2).reshape(b, t, -1))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Model(nn.Module):
    """The network; `forward` gives hidden states, `logits` the tied head."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.token_embd = nn.Embedding(c.vocab, c.width)
        self.blk = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.output_norm = RMSNorm(c.width, c.eps)
        freq = c.rope_base ** (-torch.arange(0, c.head_dim, 2).float() / c.head_dim)
        angle = torch.arange(c.context).float()[:, None] * freq[None]
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                # Layers begin by adding nothing to the embeddings.
                adds = "output" in name or "down" in name
                std = 0.3 if "embd" in name else p.shape[1] ** -0.5
                nn.init.normal_(p, std=0.0 if adds else std)
        # Keeps the first logits of the tied head small.
        nn.init.constant_(self.output_norm.weight, 0.05)

    def forward(self, ids, pos=None, mask=None):
        """ids, pos: (batch, time); mask: additive (batch, 1, time, time) or
        None for plain causal attention."""
        if pos is None:
            pos = torch.arange(ids.shape[1])[None]
        cos, sin = self.cos[pos][:, None], self.sin[pos][:, None]
        x = self.token_embd(ids)
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.bfloat16)
        if mask is None:
            mask = torch.full((ids.shape[1],) * 2, -1e4, dtype=x.dtype).triu(1)
        for block in self.blk:
            x = block(x, cos, sin, mask)
        return self.output_norm(x)

    def logits(self, hidden):
        """Logits of the given hidden states (tied embeddings)."""
        return F.linear(hidden, self.token_embd.weight)
