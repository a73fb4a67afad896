//! Redacting twice changes nothing, and findings lie between characters.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::redact::{Redactor, Rules};

static REDACTOR: LazyLock<Redactor> =
    LazyLock::new(|| Redactor::new(&Rules::default()).expect("the built-in rules compile"));

fuzz_target!(|text: &str| {
    let once = REDACTOR.redact(text);
    for finding in once.found.iter().chain(&REDACTOR.spoken_secrets(text)) {
        assert!(text.get(finding.start..finding.end).is_some());
    }
    assert_eq!(REDACTOR.redact(&once.text).text, once.text);
});
