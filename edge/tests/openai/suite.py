"""The official openai package against a running `edge serve`: every route, every parameter.

usage: suite.py BASE_URL SOCKET TOKEN     (the token has the scopes chat and memory)
"""

import asyncio
import json
import sys

import httpx2 as httpx
import openai

base, socket, token = sys.argv[1:4]
client = openai.OpenAI(base_url=f"{base}/v1", api_key="unused", max_retries=0, timeout=120)
owner = openai.OpenAI(base_url=f"{base}/v1", api_key=token, max_retries=0, timeout=120)

MODEL = "nano"
HELLO = [{"role": "user", "content": "Hello"}]
CLARA = "My sister Clara lives in Lisbon"
WHERE = "Where does Clara live?"


def chat(by=client, messages=HELLO, **more):
    return by.chat.completions.create(model=MODEL, messages=messages, **more)


def refused(kind, call, param=None):
    try:
        call()
    except kind as error:
        assert error.message, error
        if param is not None:
            assert error.param == param, (error.param, param)
        return error
    raise AssertionError(f"not refused with {kind.__name__}")


def models():
    ids = [model.id for model in client.models.list()]
    assert MODEL in ids, ids
    assert client.models.retrieve(MODEL).owned_by == "scrubjay"
    refused(openai.NotFoundError, lambda: client.models.retrieve("gpt-4o"))


def chat_whole():
    answer = chat()
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.model == MODEL
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert answer.model_extra["scrubjay"]["timings"]["decode_ms"] >= 0
    again = chat()
    assert again.choices[0].message.content == choice.message.content
    assert again.usage.prompt_tokens_details.cached_tokens > 0


def chat_stream():
    whole = chat().choices[0].message.content
    pieces, usage, reason = [], None, None
    for chunk in chat(stream=True, stream_options={"include_usage": True}):
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            reason = choice.finish_reason or reason
    assert "".join(pieces) == whole, (pieces, whole)
    assert reason and usage.completion_tokens > 0
    with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        assert stream.get_final_completion().choices[0].message.content == whole


def chat_limits():
    for name in ("max_tokens", "max_completion_tokens"):
        answer = chat(**{name: 2})
        assert answer.usage.completion_tokens == 2, answer.usage
        assert answer.choices[0].finish_reason == "length"
    whole = chat().choices[0].message.content
    word = whole.split()[1]
    stopped = chat(stop=[word]).choices[0]
    assert stopped.message.content == whole.split(word)[0], stopped
    assert stopped.finish_reason == "stop"


def chat_sampling():
    ask = dict(temperature=1.5, top_p=0.9, seed=7, max_tokens=12)
    one, two = chat(**ask), chat(**ask)
    assert one.choices[0].message.content == two.choices[0].message.content
    chat(presence_penalty=0.5, frequency_penalty=-0.5, max_tokens=4)
    chat(extra_body={"top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1}, max_tokens=4)
    several = chat(n=3, temperature=1.5, seed=1, max_tokens=12)
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    seen = {}
    for chunk in chat(n=2, stream=True, max_tokens=4):
        for choice in chunk.choices:
            seen[choice.index] = seen.get(choice.index, "") + (choice.delta.content or "")
    assert sorted(seen) == [0, 1], seen


def chat_logprobs():
    answer = chat(logprobs=True, top_logprobs=3, max_tokens=5)
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens, content
    for token in content:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        assert token.top_logprobs[0].logprob >= token.logprob - 1e-4
        assert bytes(token.bytes).decode(errors="replace") == token.token
    streamed = []
    for chunk in chat(logprobs=True, stream=True, max_tokens=5):
        for choice in chunk.choices:
            streamed += (choice.logprobs.content if choice.logprobs else None) or []
    assert [t.token for t in streamed] == [t.token for t in content]


def chat_forms():
    text = chat(response_format={"type": "text"}).choices[0].message.content
    assert text == chat().choices[0].message.content
    free = chat(response_format={"type": "json_object"}, max_tokens=60).choices[0]
    if free.finish_reason == "stop":
        assert isinstance(json.loads(free.message.content), dict), free
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Lisbon", "Porto"]}, "sure": {"type": "boolean"}},
        "required": ["city", "sure"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema, "strict": True}}
    told = json.loads(chat(response_format=form, max_tokens=300).choices[0].message.content)
    assert told["city"] in ("Lisbon", "Porto") and isinstance(told["sure"], bool), told


def chat_messages():
    parts = [{"type": "text", "text": "Hello"}]
    same = chat(messages=[{"role": "user", "content": parts}]).choices[0].message.content
    assert same == chat().choices[0].message.content
    chat(messages=[{"role": "developer", "content": "Be brief."}] + HELLO, max_tokens=2)
    long = [{"role": "user", "content": "word " * 20000}]
    error = refused(openai.BadRequestError, lambda: chat(messages=long), "messages")
    assert error.code == "context_length_exceeded" and any(c.isdigit() for c in error.message)


def chat_refusals():
    refused(openai.NotFoundError, lambda: client.chat.completions.create(model="gpt-4o", messages=HELLO))
    for name, value in {
        "temperature": 3,
        "top_p": -1,
        "max_tokens": 0,
        "n": 0,
        "stop": [""],
        "logit_bias": {"5": 1},
        "store": True,
        "top_logprobs": 2,
        "modalities": ["audio"],
    }.items():
        refused(openai.BadRequestError, lambda: chat(**{name: value}), name)
    refused(openai.BadRequestError, lambda: chat(extra_body={"mood": "good"}), "mood")
    refused(openai.BadRequestError, lambda: chat(messages=[]), "messages")
    wrong = openai.OpenAI(base_url=f"{base}/v1", api_key="sj-wrong", max_retries=0)
    refused(openai.AuthenticationError, lambda: chat(by=wrong))


def labels_are_taken():
    chat(user="me", metadata={"a": "b"}, max_tokens=1, service_tier="auto", store=False)


def memory():
    own = lambda **more: {"scrubjay": {"recalled": True, **more}}
    told = chat(by=owner, messages=[{"role": "user", "content": CLARA}], extra_body=own())
    told = told.model_extra["scrubjay"]
    assert told["memory"] == "use" and told["remembered"], told
    asked = [{"role": "user", "content": WHERE}]
    answer = chat(by=owner, messages=asked, extra_body=own())
    assert "Lisbon" in answer.choices[0].message.content, answer
    first = answer.model_extra["scrubjay"]
    assert first["recalled"][0]["text"] == CLARA, first
    asked += [{"role": "assistant", "content": answer.choices[0].message.content}]
    asked += [{"role": "user", "content": "Thank you"}]
    second = chat(by=owner, messages=asked, extra_body=own()).model_extra["scrubjay"]
    assert second["session"] == first["session"], "a conversation keeps its session"
    for off in (
        chat(by=owner, extra_body={"scrubjay": {"memory": "off"}}),
        chat(by=owner, extra_headers={"X-Scrubjay-Memory": "off"}),
        chat(),
    ):
        assert "memory" not in off.model_extra["scrubjay"]
    only = chat(by=owner, messages=asked[:1], extra_body=own(memory="read_only"))
    assert "answer" not in only.model_extra["scrubjay"]
    stream = chat(by=owner, messages=asked[:1], extra_body=own(progress=True), stream=True)
    last = [chunk for chunk in stream if chunk.choices][-1]
    assert last.model_extra["scrubjay"]["answer"], last


def own_routes():
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base, headers=headers) as http:
        found = http.post("/api/memories/search", json={"query": WHERE}).json()["data"]
        assert found[0]["text"] == CLARA, found
        assert http.get("/api/status").status_code == 403
        assert http.get("/health").json() == {"status": "ok"}
        cross = http.get("/v1/models", headers={"Origin": "https://evil.example"})
        assert cross.status_code == 403, cross
        rebound = http.get("/v1/models", headers={"Host": "evil.example"})
        assert rebound.status_code == 403, rebound


def completions():
    ask = lambda **more: client.completions.create(model=MODEL, **more)
    plain = ask(prompt="The capital", max_tokens=4)
    assert plain.object == "text_completion" and plain.usage.completion_tokens <= 4
    echoed = ask(prompt="The capital", max_tokens=4, echo=True).choices[0].text
    assert echoed == "The capital" + plain.choices[0].text
    streamed = ask(prompt="The capital", max_tokens=4, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == plain.choices[0].text
    several = ask(prompt=["a b", "c d"], max_tokens=2, n=2, temperature=1.0, seed=3)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
    # What lm-eval's local-completions sends.
    lists = dict(temperature=0, max_tokens=1, logprobs=1, seed=1234, echo=True)
    scored = ask(prompt=[[5, 6, 7, 8], [5, 6]], **lists)
    for choice, length in zip(scored.choices, (4, 2)):
        told = choice.logprobs
        assert told.token_logprobs[0] is None and told.top_logprobs[0] is None
        assert all(value <= 0 for value in told.token_logprobs[1:])
        assert len(told.tokens) >= length and len(told.text_offset) == len(told.tokens)
        best = [max(top.values()) for top in told.top_logprobs[1:]]
        assert all(b >= p - 1e-4 for b, p in zip(best, told.token_logprobs[1:]))
    prefix = scored.choices[1].logprobs.token_logprobs[1]
    assert abs(prefix - scored.choices[0].logprobs.token_logprobs[1]) < 1e-3
    refused(openai.BadRequestError, lambda: ask(prompt="", max_tokens=1), "prompt")
    refused(openai.BadRequestError, lambda: ask(prompt="a", suffix="b"), "suffix")
    refused(openai.BadRequestError, lambda: ask(prompt="a", best_of=3), "best_of")


def embeddings():
    model = next(m.id for m in client.models.list() if m.model_extra["scrubjay"]["kind"] == "embedder")
    texts = ["a red bicycle", "the red bike", "quarterly revenue"]
    # The package asks for base64 by itself and decodes it.
    vectors = [e.embedding for e in client.embeddings.create(model=model, input=texts).data]
    floats = client.embeddings.create(model=model, input=texts, encoding_format="float").data
    for vector, exact in zip(vectors, floats):
        assert max(abs(a - b) for a, b in zip(vector, exact.embedding)) < 1e-6
    dot = lambda a, b: sum(x * y for x, y in zip(a, b))
    assert abs(dot(vectors[0], vectors[0]) - 1) < 1e-3
    assert dot(vectors[0], vectors[1]) > dot(vectors[0], vectors[2])
    short = client.embeddings.create(model=model, input="a", dimensions=8).data[0].embedding
    assert len(short) == 8 and abs(dot(short, short) - 1) < 1e-3
    refused(openai.BadRequestError, lambda: client.embeddings.create(model=model, input=[[1]]), "input")
    refused(openai.NotFoundError, lambda: client.embeddings.create(model="other", input="a"))


def responses():
    ask = lambda **more: client.responses.create(model=MODEL, **more)
    answer = ask(input="Hello")
    assert answer.status == "completed" and answer.output_text, answer
    listed = ask(input=[{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}])
    assert listed.output_text == answer.output_text
    cut = ask(input="Hello", max_output_tokens=1, instructions="Be brief.", temperature=0, top_p=1)
    assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens"
    pieces = [event.delta for event in ask(input="Hello", stream=True) if event.type == "response.output_text.delta"]
    assert "".join(pieces) == answer.output_text
    with client.responses.stream(model=MODEL, input="Hello") as stream:
        assert stream.get_final_response().output_text == answer.output_text
    refused(openai.BadRequestError, lambda: ask(input="a", previous_response_id="resp_1"), "previous_response_id")
    refused(openai.BadRequestError, lambda: ask(input="a", tools=[{"type": "web_search"}]), "tools")


def many_at_once():
    many = openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="unused", max_retries=20, timeout=120)

    async def ask(number):
        messages = [{"role": "user", "content": f"Hello number {number}"}]
        answer = await many.chat.completions.create(model=MODEL, messages=messages, max_tokens=4)
        return answer.choices[0].finish_reason

    async def all_of_them():
        return await asyncio.gather(*(ask(number) for number in range(24)))

    assert len(asyncio.run(all_of_them())) == 24


def who_leaves_frees_the_slot():
    for _ in range(8):
        stream = chat(stream=True, max_tokens=500, temperature=1.5)
        next(iter(stream))
        stream.close()
    assert chat(max_tokens=1).choices


def over_the_socket():
    transport = httpx.HTTPTransport(uds=socket)
    with httpx.Client(transport=transport) as http:
        local = openai.OpenAI(base_url="http://localhost/v1", api_key="unused", http_client=http)
        assert chat(by=local).choices[0].message.content == chat().choices[0].message.content
        status = http.get("http://localhost/api/status").json()
        assert status["model"]["name"] == MODEL and status["model"]["requests"] > 0
        page = http.get("http://localhost/metrics").text
        assert "scrubjay_requests_total" in page and "Clara" not in page


parts = [
    models, chat_whole, chat_stream, chat_limits, chat_sampling, chat_logprobs, chat_forms,
    chat_messages, chat_refusals, labels_are_taken, memory, own_routes, completions, embeddings,
    responses, many_at_once, who_leaves_frees_the_slot, over_the_socket,
]
failed = []
for part in parts:
    try:
        part()
        print(f"ok      {part.__name__}")
    except Exception as error:  # noqa: BLE001: every failure is told
        failed.append(part.__name__)
        at = error.__traceback__
        while at.tb_next and at.tb_next.tb_frame.f_code.co_filename == __file__:
            at = at.tb_next
        print(f"FAILED  {part.__name__} (line {at.tb_lineno}): {type(error).__name__}: {str(error)[:600]}")
sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
