//! Every configuration key and what it means.

/// A key that may be set.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.name`.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub meaning: &'static str,
}

impl Key {
    /// The environment variable that sets it: `SCRUBJAY_SECTION_NAME`.
    pub fn variable(self) -> String {
        format!("SCRUBJAY_{}", self.path.replace('.', "_").to_uppercase())
    }
}

/// Whether there is such a key.
pub fn is_known(path: &str) -> bool {
    KEYS.iter().any(|key| key.path == path)
}

const fn key(path: &'static str, meaning: &'static str) -> Key {
    Key { path, meaning }
}

/// Every key, in the order `config show` lists them.
pub const KEYS: &[Key] = &[
    key(
        "device.board",
        "Board profile; `auto` looks at the hardware",
    ),
    key(
        "model.name",
        "Installed model or GGUF file; unset: what `edge model use` chose",
    ),
    key(
        "model.context",
        "Tokens of context, prompt and answer together",
    ),
    key("model.threads", "Threads that generate"),
    key("model.threads_prefill", "Threads that read the prompt"),
    key("model.kv_type", "Type of the KV cache: `f16` or `q8_0`"),
    key("model.mmap", "Map the model file instead of reading it"),
    key(
        "model.repack",
        "Rearrange weights for the processor: often faster, takes more memory",
    ),
    key(
        "model.memory_budget_mib",
        "MiB that model and KV cache may take",
    ),
    key(
        "model.snapshots_mib",
        "MiB on disk for conversations as the model has read them; 0: none",
    ),
    key(
        "answer.max_tokens",
        "Most tokens of an answer; by default at most a quarter of the context",
    ),
    key(
        "answer.temperature",
        "Randomness; 0 always takes the likeliest token; unset, as below: what suits the model",
    ),
    key("answer.top_k", "Choose among this many tokens; 0: all"),
    key(
        "answer.top_p",
        "Choose among the likeliest tokens that have this probability together",
    ),
    key(
        "answer.min_p",
        "Choose among tokens at least this likely, against the likeliest",
    ),
    key(
        "answer.repeat_penalty",
        "Penalty on tokens used lately; 1: none",
    ),
    key("answer.seed", "Makes answers with a temperature repeatable"),
    key("memory.enabled", "Recall and remember"),
    key(
        "memory.recall_limit",
        "Most memories shown to the model at once",
    ),
    key(
        "memory.recall_tokens",
        "Most tokens these may take together",
    ),
    key(
        "memory.embedder",
        "Installed embedder; unset: what `edge model use --embedder` chose",
    ),
    key(
        "redact.extra",
        "Further secrets: a list of `{ name = \"…\", pattern = \"…\" }`",
    ),
    key("redact.allow", "Texts that stay although they look secret"),
    key("retain.max_bytes", "Most bytes of text and vectors kept"),
    key("retain.max_items", "Most memories and turns kept"),
    key(
        "retain.half_life_days",
        "Days without use after which a memory's strength has halved",
    ),
    key(
        "retain.min_strength",
        "What is weaker, 0 to 1, may be pruned even where there is room",
    ),
    key(
        "retain.min_age_days",
        "Nothing younger is pruned for being weak",
    ),
    key(
        "server.address",
        "Address that `edge serve` listens on, beside its socket",
    ),
    key("server.port", "Its port"),
    key(
        "server.require_token",
        "Want a token on this machine, too; on other addresses one is always needed",
    ),
    key(
        "server.memory",
        "What a request with a token gets that says nothing: `use`, `read_only` or `off`",
    ),
    key(
        "server.hosts",
        "Names of this machine that requests may use: a list; its own address always may",
    ),
    key("server.slots", "Answers that the server makes at once"),
    key("server.queue", "Requests that may wait for one"),
    key(
        "server.stop_seconds",
        "Seconds that running answers are given when the server is stopped",
    ),
];
