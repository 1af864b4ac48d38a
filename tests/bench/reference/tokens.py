"""Compares the token ids of `moltworker model tokenize FILE --batch` with those that come with vocabularies.

    python tokens.py FOLDER PROGRAM

FOLDER has vocabularies NAME.gguf, each with NAME.gguf.inp, texts that a line of __ggml_vocab_test__ ends, and NAME.gguf.out, a line of
token ids for each. PROGRAM is moltworker. Prints the texts whose ids differ, and last the counts as JSON.
"""

import json
import pathlib
import subprocess
import sys

END = "\n__ggml_vocab_test__\n"


def cases(vocabulary):
    """(text, ids) of each test of a vocabulary."""
    *texts, rest = pathlib.Path(f"{vocabulary}.inp").read_bytes().decode().split(END)
    lines = pathlib.Path(f"{vocabulary}.out").read_text().splitlines()
    if rest or len(texts) != len(lines):
        raise SystemExit(f"{vocabulary}: {len(texts)} texts and {len(lines)} lines of ids")
    return list(zip(texts, [[int(number) for number in line.split()] for line in lines]))


def main():
    folder, program = sys.argv[1:]
    counts = []
    for vocabulary in sorted(pathlib.Path(folder).glob("*.gguf")):
        wanted = cases(vocabulary)
        given = "".join(json.dumps({"id": at, "text": text}) + "\n" for at, (text, _) in enumerate(wanted))
        command = [program, "model", "tokenize", str(vocabulary), "--batch"]
        answers = subprocess.run(command, input=given, capture_output=True, check=True, encoding="utf-8").stdout.splitlines()
        if len(answers) != len(wanted):
            raise SystemExit(f"{vocabulary.name}: {len(answers)} answers to {len(wanted)} texts")
        equal = 0
        for (text, ids), answer in zip(wanted, answers):
            if json.loads(answer).get("tokens") == ids:
                equal += 1
            else:
                print(f"{vocabulary.name}: {text[:60]!r}: {answer[:200]} instead of {ids}"[:500])
        counts.append({"vocabulary": vocabulary.name, "equal": equal, "texts": len(wanted)})
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
