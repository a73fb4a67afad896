//! `chat`, `ask`, `sessions`, `why`, `feedback`: a conversation in a script.

use insta::assert_snapshot;
use serde_json::Value;

use super::world::{Run, World};

fn chat(world: &World, answers: &[&str], lines: &str) -> Run {
    world.model_says(answers);
    world.edge_with(&["chat"], lines.as_bytes())
}

#[test]
fn answers_go_to_standard_output_and_the_rest_beside_it() {
    let world = World::new();
    let run = chat(&world, &["Noted."], "My sister Maya lives in Lisbon\n");
    assert_eq!((run.code, run.out.as_str()), (0, "Noted.\n"));
    assert_snapshot!(run.err, @"remembered: My sister Maya lives in Lisbon");
}

#[test]
fn what_was_said_is_shown_to_the_model_in_a_later_run() {
    let world = World::new();
    chat(&world, &["Noted."], "My sister Maya lives in Lisbon\n");
    world.days(20);
    let run = chat(&world, &["In Lisbon."], "Where does Maya live?\n");
    assert_eq!((run.code, run.out.as_str()), (0, "In Lisbon.\n"));
    let prompts = world.prompts();
    assert!(
        prompts[0].contains("- 2026-03-20: My sister Maya lives in Lisbon"),
        "{prompts:?}"
    );
}

#[test]
fn empty_lines_are_ignored() {
    let world = World::new();
    let run = chat(&world, &["Hello."], "\n  \nHello\n\n");
    assert_eq!((run.code, run.out.as_str()), (0, "Hello.\n"));
    assert_eq!(world.prompts().len(), 1);
}

#[test]
fn a_line_that_is_no_text_ends_a_script() {
    let world = World::new();
    world.model_says(&["Hello.", "never"]);
    let run = world.edge_with(&["chat"], b"Hello\n\xff\nHow are you?\n");
    assert_eq!((run.code, run.out.as_str()), (1, "Hello.\n"));
    assert_snapshot!(run.err, @r"
    error: line 2 of standard input is not UTF-8 (byte 0 of the message)
    hint: convert it, for example with `iconv -t UTF-8`
    ");
}

#[test]
fn commands_work_in_a_conversation() {
    let world = World::new();
    let run = chat(
        &world,
        &["Noted."],
        "/remember My bike lock code is 4711\nHello\n/good\n/rate 4\n/memories\n/help\n/quit\nnever\n",
    );
    assert_eq!(run.code, 0);
    assert_snapshot!(run.out, @r"
    remembered (sensitive): My bike lock code is 4711
    Noted.
    noted: good
    noted: rated 4 of 5
    id        day         kind    marks      text
    SHORT-ID  2026-03-20  secret  sensitive  My bike lock code is 4711
    command    takes        does
    /remember  WORDS        keep something
    /forget    ID or WORDS  forget a memory for good, or find what to forget
    /memories  [WORDS]      list what is remembered, or what fits
    /why                    show what the last answer was made from
    /good                   the last answer was good
    /bad                    the last answer was bad
    /rate      1-5          the last answer was worth so much
    /correct   WORDS        the last answer should have been this
    /new                    begin another conversation
    /sessions               list conversations
    /model                  show the model
    /help                   show this
    /quit                   end
    ");
    assert_eq!(world.prompts().len(), 1);
}

#[test]
fn an_unknown_command_is_wrong_usage_in_a_script() {
    let run = chat(&World::new(), &[], "/frobnicate\n");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_snapshot!(run.err, @r"
    error: there is no command /frobnicate
    hint: /help lists the commands
    ");
}

#[test]
fn a_conversation_without_words_is_not_kept() {
    let world = World::new();
    assert_eq!(chat(&world, &[], "/help\n").code, 0);
    assert_eq!(world.edge("sessions list --json").out, "[]\n");
}

#[test]
fn a_new_conversation_does_not_read_the_old_one() {
    let world = World::new();
    chat(&world, &["One.", "Two."], "Say one\n/new\nSay two\n");
    let prompts = world.prompts();
    assert!(!prompts[1].contains("<|user|>Say one"), "{prompts:?}");
    assert_snapshot!(world.edge("sessions list").out, @r"
    id        last        turns  title
    SHORT-ID  2026-03-20  2      Say two
    SHORT-ID  2026-03-20  2      Say one
    ");
}

#[test]
fn a_resumed_conversation_goes_on_with_what_was_said() {
    let world = World::new();
    chat(&world, &["One."], "Say one\n");
    world.model_says(&["Two."]);
    let run = world.edge_with(&["chat", "--resume"], b"Say two\n");
    assert_eq!((run.code, run.out.as_str()), (0, "Two.\n"));
    assert!(world.prompts()[0].contains("One."), "{:?}", world.prompts());
    let sessions: Value = serde_json::from_str(&world.edge("sessions list --json").out).unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    let id = world.id("sessions list", "/0/id");
    assert_snapshot!(world.edge(&format!("sessions show {id}")).out, @r"
    2026-03-20 user: Say one
    2026-03-20 assistant: One.
    2026-03-20 user: Say two
    2026-03-20 assistant: Two.
    ");
}

#[test]
fn a_deleted_conversation_leaves_nothing() {
    let world = World::new();
    chat(&world, &["Noted."], "My sister Maya lives in Lisbon\n");
    let id = world.id("sessions list", "/0/id");
    let run = world.edge(&format!("sessions delete {id}"));
    assert_eq!(run.code, 0);
    assert_snapshot!(run.out, @r"
    forgotten:
      memory ID
      turn ID
      turn ID
      training example ID
      2 vectors, 5 index entries, 0 typed lines
    ");
    assert_eq!(world.edge("memory list").out, "");
    assert_eq!(world.edge("sessions list --json").out, "[]\n");
}

#[test]
fn without_memory_nothing_is_recalled_or_kept() {
    let world = World::new();
    chat(&world, &["Noted."], "My sister Maya lives in Lisbon\n");
    world.model_says(&["I do not know.", "Noted."]);
    let run = world.edge_with(
        &["chat", "--no-memory"],
        b"Where does Maya live?\nMy cat is called Miso\n",
    );
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "I do not know.\nNoted.\n")
    );
    assert!(
        !world.prompts()[0].contains("Lisbon"),
        "{:?}",
        world.prompts()
    );
    assert!(!world.edge("memory list").out.contains("Miso"));
    let left = fs_err::read_dir(world.home().join("cache"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "nothing of it lies in the cache");
}

#[test]
fn why_shows_what_an_answer_was_made_from() {
    let world = World::new();
    chat(&world, &["Noted."], "My sister Maya lives in Lisbon\n");
    chat(&world, &["In Lisbon."], "Where does Maya live?\n");
    let run = world.edge("why");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.starts_with("answer: In Lisbon.\n"), "{}", run.out);
    assert!(
        run.out
            .contains("2026-03-20 My sister Maya lives in Lisbon"),
        "{}",
        run.out
    );
    let why = world.json("why");
    assert!(why["given"][0]["score"].as_f64().unwrap() > 0.0);
}

#[test]
fn ask_answers_once_and_takes_standard_input_along() {
    let world = World::new();
    world.model_says(&["A list."]);
    let run = world.edge_with(&["ask", "What", "is", "this?"], b"one\ntwo\n");
    assert_eq!((run.code, run.out.as_str()), (0, "A list.\n"));
    let prompt = &world.prompts()[0];
    assert!(prompt.contains("What is this?\n\none\ntwo"), "{prompt}");
}

#[test]
fn ask_without_a_question_is_wrong_usage() {
    let run = World::new().edge("ask");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_snapshot!(run.err, @r"
    error: there is no question
    hint: give words, or text on standard input
    ");
}

#[test]
fn an_answer_as_json_is_one_object_with_everything() {
    let world = World::new();
    world.model_says(&["Noted."]);
    let run = world.edge_with(&["ask", "--json", "My sister Maya lives in Lisbon"], b"");
    assert_eq!(run.out.lines().count(), 1);
    let answer: Value = serde_json::from_str(&run.out).unwrap();
    let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_snapshot!(format!("{keys:?}"), @r#"["answer", "question_id", "answer_id", "stop", "confidence", "recalled", "remembered", "dropped_turns", "prompt_tokens", "cached_tokens", "generated_tokens", "prefill_ms", "decode_ms"]"#);
    assert_eq!(answer["answer"], "Noted.");
}

#[test]
fn secrets_are_told_by_kind_and_not_kept() {
    let world = World::new();
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let run = chat(&world, &["Careful."], &format!("My token is {token}\n"));
    assert!(run.err.contains("redacted: github-token"), "{}", run.err);
    let kept = world.edge("sessions list --json").out + &world.edge("memory list --json").out;
    assert!(!kept.contains(&token));
}

#[test]
fn a_correction_is_kept_with_the_answer() {
    let world = World::new();
    chat(&world, &["In Rome."], "Where does Maya live?\n");
    let run = world.edge("feedback correct In Lisbon.");
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "noted: corrected to: In Lisbon.\n")
    );
    let why: Value = serde_json::from_str(&world.edge("why --json").out).unwrap();
    assert_eq!(why["answer"]["correction"], "In Lisbon.");
}

#[test]
fn an_answer_longer_than_allowed_says_that_it_was_cut() {
    let world = World::new();
    world.model_says(&["one two three four five six"]);
    let run = world.edge_with(&["ask", "Count", "--max-tokens", "4"], b"");
    assert_eq!(run.code, 0);
    assert_snapshot!(run.err, @"warning: the answer was cut off at its greatest length");
}
