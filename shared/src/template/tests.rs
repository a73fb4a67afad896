//! Against what Python's Jinja makes of the same templates: `tests/templates/expect.py`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    name: String,
    add_generation_prompt: bool,
    messages: Vec<Message>,
}

type Expected = BTreeMap<String, BTreeMap<String, Option<String>>>;

const TEMPLATES: &[(&str, &str)] = &[
    (
        "gemma-2",
        include_str!("../../tests/templates/gemma-2.jinja"),
    ),
    (
        "gemma-3",
        include_str!("../../tests/templates/gemma-3.jinja"),
    ),
    (
        "llama-3",
        include_str!("../../tests/templates/llama-3.jinja"),
    ),
    (
        "mistral-strict",
        include_str!("../../tests/templates/mistral-strict.jinja"),
    ),
    (
        "mistral-system",
        include_str!("../../tests/templates/mistral-system.jinja"),
    ),
    ("phi-3", include_str!("../../tests/templates/phi-3.jinja")),
    ("phi-4", include_str!("../../tests/templates/phi-4.jinja")),
    (
        "python-habits",
        include_str!("../../tests/templates/python-habits.jinja"),
    ),
    (
        "qwen-2.5",
        include_str!("../../tests/templates/qwen-2.5.jinja"),
    ),
    ("qwen-3", include_str!("../../tests/templates/qwen-3.jinja")),
    (
        "smollm-2",
        include_str!("../../tests/templates/smollm-2.jinja"),
    ),
];

fn compiled(source: &str) -> Template {
    let special = Special {
        bos: "<s>".to_owned(),
        eos: "</s>".to_owned(),
    };
    let template = Template::new(source, special).unwrap();
    template.dated(jiff::civil::date(2026, 11, 20))
}

fn conversation(turns: usize) -> Vec<Message> {
    let mut messages = vec![Message::new(Role::System, "Be brief.")];
    for turn in 0..turns {
        messages.push(Message::new(Role::User, format!("Question {turn}?")));
        messages.push(Message::new(Role::Assistant, format!("Answer {turn}.")));
    }
    messages.push(Message::new(Role::User, "And now?"));
    messages
}

#[test]
fn every_template_renders_as_in_python() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/templates/cases.json")).unwrap();
    let expected: Expected =
        serde_json::from_str(include_str!("../../tests/templates/expected.json")).unwrap();
    assert_eq!(expected.len(), TEMPLATES.len());
    for (name, source) in TEMPLATES {
        let template = compiled(source);
        for case in &cases {
            let add = if case.add_generation_prompt {
                AddGenerationPrompt::Yes
            } else {
                AddGenerationPrompt::No
            };
            let found = template.render(&case.messages, add).ok();
            assert_eq!(found, expected[*name][&case.name], "{name}: {}", case.name);
        }
    }
}

/// What a longer conversation adds comes after what a shorter one had: the words that a
/// model has read stay read.
#[test]
fn a_longer_conversation_begins_as_the_shorter_one_did() {
    for (name, source) in TEMPLATES
        .iter()
        .filter(|(name, _)| *name != "python-habits")
    {
        let template = compiled(source);
        for turns in 0..3 {
            let render = |turns| {
                let text = template.render(&conversation(turns), AddGenerationPrompt::No);
                text.unwrap_or_else(|error| panic!("{name}: {error}"))
            };
            let (short, long) = (render(turns), render(turns + 1));
            let question = short.find("And now?").unwrap();
            assert!(
                long.starts_with(&short[..question]),
                "{name}\n{short}\n{long}"
            );
        }
    }
}

#[test]
fn instructions_are_in_every_prompt() {
    for (name, source) in TEMPLATES
        .iter()
        .filter(|(name, _)| *name != "python-habits")
    {
        let text = compiled(source)
            .render(&conversation(2), AddGenerationPrompt::Yes)
            .unwrap();
        assert_eq!(text.matches("Be brief.").count(), 1, "{name}: {text}");
    }
}

#[test]
fn a_refusal_carries_the_templates_own_words() {
    let template = compiled("{{ raise_exception('No ' ~ messages[0].role) }}");
    let error = template.render(&[Message::new(Role::User, "x")], AddGenerationPrompt::No);
    match error {
        Err(TemplateError::Refused { message }) => assert_eq!(message, "No user"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_endless_template_runs_out_of_fuel() {
    let source = "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
    let error = compiled(source).render(&[], AddGenerationPrompt::No);
    assert!(
        matches!(error, Err(TemplateError::Render { .. })),
        "{error:?}"
    );
}

#[test]
fn what_is_not_jinja_is_refused_with_its_place() {
    let Err(error @ TemplateError::Syntax { .. }) = Template::new("{% for %}", Special::default())
    else {
        panic!("compiled");
    };
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("chat:1"), "{cause}");
}

#[test]
fn without_a_date_a_template_falls_back_to_its_own() {
    let (_, source) = TEMPLATES
        .iter()
        .find(|(name, _)| *name == "llama-3")
        .unwrap();
    let template = Template::new(source, Special::default()).unwrap();
    let text = template
        .render(&conversation(0), AddGenerationPrompt::No)
        .unwrap();
    assert!(text.contains("26 Jul 2024"), "{text}");
}

#[test]
fn json_is_escaped_for_json_alone() {
    let template = compiled("{{ messages[0].content|tojson }}");
    for words in ["<a href='b'>&</a>", r"\u003c \\u003c \", "\"q\"\n\tü ❤"] {
        let message = Message::new(Role::User, words);
        let text = template
            .render(&[message], AddGenerationPrompt::No)
            .unwrap();
        assert_eq!(text, serde_json::to_string(words).unwrap());
    }
}

#[test]
fn values_read_as_template_code_stay_words() {
    let template = compiled("{{ messages[0].content }}");
    let message = Message::new(Role::User, "{{ bos_token }} <b>&amp;</b>");
    let text = template
        .render(&[message], AddGenerationPrompt::No)
        .unwrap();
    assert_eq!(text, "{{ bos_token }} <b>&amp;</b>");
}
