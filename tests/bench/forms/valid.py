"""Counts answers that have the form that was asked for, by a validator that the engines know nothing of.

    python valid.py CASES.jsonl < ANSWERS.jsonl

A case is {"id", "schema", ...}, an answer {"id", "text", "finish"}. Prints what is wrong, and last the counts as JSON. Formats are
checked too.
"""

import json
import sys

from jsonschema import Draft202012Validator


def wrong(case, answer):
    """Why the answer has not the form of the case; None when it has."""
    if answer["finish"] != "stop":
        return f"it ended by {answer['finish']}"
    try:
        value = json.loads(answer["text"])
    except ValueError as error:
        return f"no JSON: {error}"
    errors = Draft202012Validator(case["schema"], format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(value)
    first = next(errors, None)
    return first.message if first else None


def main():
    cases = {case["id"]: case for case in map(json.loads, open(sys.argv[1], encoding="utf-8"))}
    total = valid = 0
    for answer in map(json.loads, sys.stdin):
        total += 1
        reason = wrong(cases[answer["id"]], answer)
        if reason is None:
            valid += 1
        else:
            print(f"{answer['id']}: {reason}: {answer['text'][:200]}")
    print(json.dumps({"valid": valid, "total": total}))


if __name__ == "__main__":
    main()
