"""Writes what transformers makes of some texts with all-MiniLM-L6-v2, for the tests of the workers.

    pip install -r requirements.txt
    python published.py FOLDER > ../../../src-tauri/crates/molt-engine-client/tests/vectors/all-MiniLM-L6-v2.json

FOLDER is the model as it is published. A vector is the mean over the tokens of a text, as its `1_Pooling/config.json` says.
"""

import json
import sys

import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "The code for the north gate is 4711.",
    "Who decided on the finances?",
    "On 12 May, at 3:45 p.m., the café's owner (Zoë) paid €1,250.75 -- in cash!",
    "unbelievably antidisestablishmentarian e-mail addresses: someone@example.com",
    "rain",
    "The budget meeting was moved to room twelve because the heating had failed, and everybody was told to bring a coat. " * 6,
]


@torch.no_grad()
def main(folder):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).float().eval()
    made = []
    for text in TEXTS:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        vector = torch.nn.functional.normalize(model(**tokens).last_hidden_state[0].mean(0), dim=0)
        made.append([text, [round(number, 5) for number in vector.tolist()]])
    print("[\n" + ",\n".join(json.dumps(pair, ensure_ascii=False) for pair in made) + "\n]")


main(sys.argv[1])
