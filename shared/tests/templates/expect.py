#!/usr/bin/env python3
"""Writes expected.json: what Python's Jinja makes of every template and case.

Needs PyPI `jinja2`. The environment is the one that Hugging Face documents for chat
templates. A template that has no lasting place for a system message (it raises, drops
it, or moves it along with the conversation) is given the instructions at the head of
the first user message instead, as `shared::template` does; null means that it raises
all the same.
"""
import datetime
import json
import pathlib

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
TODAY = datetime.date(2026, 11, 20)


class Raised(Exception):
    pass


def raise_exception(message):
    raise Raised(message)


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = TODAY.strftime
    return env


def render(template, messages, add):
    return template.render(
        messages=messages, add_generation_prompt=add, bos_token="<s>", eos_token="</s>",
        tools=None, documents=None, enable_thinking=False)


def folded(messages):
    system, first, *rest = messages
    text = system["content"].strip() + "\n\n" + first["content"]
    return [{"role": "user", "content": text}, *rest]


def has_place_for_system(template):
    roles = ["system", "user", "assistant", "user"]
    messages = [{"role": role, "content": f"probe {i}"} for i, role in enumerate(roles)]
    try:
        short = render(template, messages[:2], False)
        long = render(template, messages, False)
    except Raised:
        return False
    same = 0
    while same < min(len(short), len(long)) and short[same] == long[same]:
        same += 1
    return "probe 0" in short[:same] and "probe 1" in short[:same]


def expect(template, case):
    messages, add = case["messages"], case["add_generation_prompt"]
    if messages[0]["role"] == "system" and not has_place_for_system(template):
        messages = folded(messages)
    try:
        return render(template, messages, add)
    except Raised:
        return None


def main():
    env = environment()
    cases = json.loads((HERE / "cases.json").read_text())
    out = {}
    for path in sorted(HERE.glob("*.jinja")):
        template = env.from_string(path.read_text())
        out[path.stem] = {case["name"]: expect(template, case) for case in cases}
    text = json.dumps(out, ensure_ascii=False, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


main()
