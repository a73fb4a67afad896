//! Whole turns over a real memory and a scripted model.

use std::time::Duration;

use shared::clock::ManualClock;

use super::*;
use crate::generate::Stop;
use crate::generate::scripted::{PromptLog, ScriptedModel};
use crate::memory::Options;
use crate::memory::embedder::Lexical;
use crate::memory::episode::Intent;

const DAY: Duration = Duration::from_secs(86_400);

struct World {
    _folder: tempfile::TempDir,
    memory: Arc<Memory>,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_000_000_000)));
        let told: Arc<dyn Clock> = clock.clone();
        let memory = Memory::open(folder.path(), Arc::new(Lexical), told, Options::default());
        Self {
            memory: Arc::new(memory.unwrap()),
            clock,
            _folder: folder,
        }
    }

    fn session(&self) -> SessionId {
        self.memory.new_session("test").unwrap()
    }

    fn assistant(&self, session: SessionId, model: ScriptedModel) -> (Assistant, PromptLog) {
        let log = model.log();
        let mut settings = Settings::new(Source::Chat, self.clock.clone(), TimeZone::UTC);
        settings.max_tokens = 400;
        let memory = Arc::clone(&self.memory);
        let assistant = Assistant::new(memory, Box::new(model), session, settings);
        (assistant.unwrap(), log)
    }
}

fn ask(assistant: &mut Assistant, words: &str) -> Reply {
    assistant
        .reply(words, &mut |_| ControlFlow::Continue(()))
        .unwrap()
}

#[test]
fn what_was_told_in_one_conversation_is_shown_in_another() {
    let world = World::new();
    let (mut first, _) = world.assistant(world.session(), ScriptedModel::saying(["Noted."]));
    let told = ask(&mut first, "My sister Maya lives in Lisbon");
    assert_eq!(told.remembered.memories.len(), 1);
    world.clock.advance(14 * DAY);

    let (mut second, log) = world.assistant(world.session(), ScriptedModel::saying(["Lisbon."]));
    let reply = ask(&mut second, "Where does my sister Maya live?");
    assert_eq!(reply.text, "Lisbon.");
    assert_eq!(reply.recalled[0].text, "My sister Maya lives in Lisbon");
    let prompt = log.prompts().pop().unwrap();
    assert!(
        prompt.contains("- 2026-11-18: My sister Maya lives in Lisbon"),
        "{prompt}"
    );

    let kept = world.memory.episode(reply.answer).unwrap().unwrap();
    assert_eq!(
        (kept.role, kept.text.as_str()),
        (Role::Assistant, "Lisbon.")
    );
    assert_eq!(kept.given[0].item, reply.recalled[0].item);
    assert_eq!(kept.model.as_deref(), Some("scripted"));
}

#[test]
fn a_question_is_not_its_own_answer() {
    let world = World::new();
    let (mut assistant, log) = world.assistant(world.session(), ScriptedModel::saying(["?"]));
    let reply = ask(&mut assistant, "Where does Maya live?");
    assert!(reply.recalled.is_empty());
    assert_eq!(log.prompts()[0].matches("Maya").count(), 1);
}

/// "Lisbon", once answered from the history, would else outlive the move to Porto.
#[test]
fn what_a_model_said_is_no_evidence() {
    let world = World::new();
    let model = ScriptedModel::saying(["Your sister Maya lives in Lisbon."]);
    let (mut first, _) = world.assistant(world.session(), model);
    ask(&mut first, "Tell me something.");

    let (mut second, _) = world.assistant(world.session(), ScriptedModel::saying(["?"]));
    let reply = ask(&mut second, "Where does my sister Maya live?");

    let said_by_the_model = |hit: &Hit| hit.role == Role::Assistant;
    assert!(!reply.recalled.iter().any(said_by_the_model));
}

#[test]
fn words_in_the_conversation_are_not_recalled_into_it() {
    let world = World::new();
    let model = ScriptedModel::saying(["Noted.", "Lisbon."]);
    let (mut assistant, log) = world.assistant(world.session(), model);
    ask(&mut assistant, "My sister Maya lives in Lisbon");
    let reply = ask(&mut assistant, "Where does my sister Maya live?");
    assert!(reply.recalled.is_empty());
    assert!(
        !log.prompts()[1].contains("Memories"),
        "{}",
        log.prompts()[1]
    );
}

/// The promise behind fast answers: each prompt begins with the one before.
#[test]
fn a_conversation_is_read_once() {
    let world = World::new();
    let (mut before, _) = world.assistant(world.session(), ScriptedModel::saying(["ok", "ok"]));
    ask(&mut before, "My cat is called Miso");
    ask(&mut before, "My bike lock code is 4711");
    let model = ScriptedModel::saying(["Miso.", "4711.", "Fine."]);
    let (mut assistant, log) = world.assistant(world.session(), model);
    for words in [
        "What is my cat called?",
        "What is my bike lock code?",
        "Thank you",
    ] {
        let reply = ask(&mut assistant, words);
        assert_eq!(reply.dropped_turns, 0);
    }
    let prompts = log.prompts();
    for pair in prompts.windows(2) {
        assert!(
            pair[1].starts_with(&pair[0]),
            "{}\n---\n{}",
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn a_conversation_goes_on_with_the_words_it_was_sent_with() {
    let world = World::new();
    let (mut before, _) = world.assistant(world.session(), ScriptedModel::saying(["ok"]));
    ask(&mut before, "My cat is called Miso");
    let session = world.session();
    let (mut first, log) = world.assistant(session, ScriptedModel::saying(["Miso."]));
    ask(&mut first, "What is my cat called?");
    let sent = log.prompts().pop().unwrap();
    drop(first);

    let (mut resumed, log) = world.assistant(session, ScriptedModel::saying(["Yes."]));
    ask(&mut resumed, "Sure?");
    let prompt = log.prompts().pop().unwrap();
    assert!(
        prompt.starts_with(&format!("{sent}Miso.")),
        "{sent}\n---\n{prompt}"
    );
}

#[test]
fn an_answer_that_is_broken_off_is_kept_as_shown() {
    let world = World::new();
    let model = ScriptedModel::saying(["one two three four"]);
    let (mut assistant, _) = world.assistant(world.session(), model);
    let mut shown = String::new();
    let reply = assistant.reply("Count", &mut |event| {
        if let Event::Text(text) = event {
            shown.push_str(text);
        }
        if shown.contains("two") {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let reply = reply.unwrap();
    assert_eq!(reply.completion.stop, Stop::Cancelled);
    let kept = world.memory.episode(reply.answer).unwrap().unwrap();
    assert_eq!(kept.text, shown);
}

#[test]
fn words_that_fit_no_prompt_are_refused_and_not_kept() {
    let world = World::new();
    let session = world.session();
    let (mut assistant, _) = world.assistant(session, ScriptedModel::saying(["?"]));
    let refused = assistant.reply(&"x ".repeat(9_000), &mut |_| ControlFlow::Continue(()));
    assert!(
        matches!(refused, Err(AssistantError::TooLong { .. })),
        "{refused:?}"
    );
    assert!(world.memory.session_episodes(session).unwrap().is_empty());
}

#[test]
fn a_full_context_loses_its_oldest_turns_and_says_how_many() {
    let world = World::new();
    let model = ScriptedModel::answering(|_| "fine".to_owned());
    let model = model.with_card(|card| card.context_tokens = 1_600);
    let (mut assistant, log) = world.assistant(world.session(), model);
    let mut dropped = 0;
    for turn in 0..20 {
        let words = format!("Tell me about turn number {turn}, and take your time with it.");
        dropped += ask(&mut assistant, &words).dropped_turns;
    }
    assert!(dropped > 0);
    assert!(log.prompts().iter().all(|prompt| prompt.len() <= 1_200));
    assert_eq!(assistant.conversation.turns().len(), 20 - dropped);
}

#[test]
fn asking_to_remember_keeps_a_secret_and_marks_it() {
    let world = World::new();
    let (mut assistant, _) = world.assistant(world.session(), ScriptedModel::saying(["ok"]));
    let reply = ask(
        &mut assistant,
        "Remember that my wifi password is correct-horse-7",
    );
    assert!(reply.remembered.sensitive);
    let kept = world.memory.episode(reply.question).unwrap().unwrap();
    assert!(kept.text.contains("correct-horse-7"), "{}", kept.text);
    assert_eq!(kept.intent, Intent::Remember);
}

#[test]
fn answers_as_long_as_the_context_are_refused_at_once() {
    let world = World::new();
    let mut settings = Settings::new(Source::Ask, world.clock.clone(), TimeZone::UTC);
    settings.max_tokens = 8_192;
    let model = Box::new(ScriptedModel::saying(["?"]));
    let memory = Arc::clone(&world.memory);
    let refused = Assistant::new(memory, model, world.session(), settings).map(|_| ());
    assert!(
        matches!(refused, Err(AssistantError::NoRoom { .. })),
        "{refused:?}"
    );
}
