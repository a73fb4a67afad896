//! Conversations that grow, fill up and make room.

use std::convert::Infallible;

use proptest::prelude::*;
use shared::id::{EpisodeId, MemoryId};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn episode(n: u128) -> EpisodeId {
    EpisodeId::new(NOW, n)
}

fn evidence(n: u128, days_ago: i64, text: &str) -> Evidence {
    Evidence {
        item: ItemId::Memory(MemoryId::new(NOW, n)),
        episode: episode(n),
        said_at: NOW.plus_millis(-days_ago * 86_400_000),
        text: text.to_owned(),
    }
}

fn bytes(messages: &[Message]) -> Result<usize, Infallible> {
    Ok(messages.iter().map(|m| m.content.len() + 4).sum())
}

fn plan(
    talk: &mut Conversation,
    words: &str,
    evidence: &[Evidence],
    budget: usize,
) -> Result<Plan, PlanError<Infallible>> {
    let question = Question {
        words,
        evidence,
        now: NOW,
        zone: &TimeZone::UTC,
    };
    talk.plan(&question, budget, &mut |messages| bytes(messages))
}

fn answer(talk: &mut Conversation, plan: &Plan, answer: &str) {
    talk.push(Turn {
        sent: plan.sent.clone(),
        answer: answer.to_owned(),
        shown: plan.shown.iter().map(|shown| shown.item).collect(),
        episodes: Vec::new(),
    });
}

#[test]
fn memories_stand_oldest_first_beside_the_question() {
    let mut talk = Conversation::new("Be kind.");
    let told = [
        evidence(1, 2, "Maya moved to Porto"),
        evidence(2, 90, "Maya lives in Lisbon"),
    ];
    let plan = plan(&mut talk, "Where is Maya?", &told, 1_000).unwrap();
    let last = &plan.messages.last().unwrap().content;
    let (porto, lisbon) = (last.find("Porto").unwrap(), last.find("Lisbon").unwrap());
    assert!(lisbon < porto && last.ends_with("Where is Maya?"), "{last}");
    assert_eq!(plan.messages[0], Message::new(Role::System, "Be kind."));
}

#[test]
fn what_stands_in_the_conversation_is_not_shown_again() {
    let mut talk = Conversation::new("");
    let told = [evidence(1, 2, "Miso is a cat")];
    let first = plan(&mut talk, "Who is Miso?", &told, 1_000).unwrap();
    answer(&mut talk, &first, "A cat.");
    let second = plan(&mut talk, "Really?", &told, 1_000).unwrap();
    assert_eq!(second.sent, "Really?");
    assert_eq!(second.shown, []);
}

#[test]
fn a_memory_whose_turn_left_is_shown_anew() {
    let mut talk = Conversation::new("");
    let told = [evidence(1, 2, "Miso is a cat")];
    let first = plan(&mut talk, "Who is Miso?", &told, 400).unwrap();
    answer(&mut talk, &first, "A cat.");
    let long = "x".repeat(300);
    let second = plan(&mut talk, &long, &[], 400).unwrap();
    assert_eq!(second.dropped_turns, 1);
    answer(&mut talk, &second, "");
    assert_eq!(
        plan(&mut talk, "And Miso?", &told, 400).unwrap().shown,
        told
    );
}

#[test]
fn words_that_do_not_fit_are_refused_and_cost_no_turn() {
    let mut talk = Conversation::new("");
    let first = plan(&mut talk, "Hello", &[], 100).unwrap();
    answer(&mut talk, &first, "Hi.");
    let refused = plan(&mut talk, &"y".repeat(200), &[evidence(1, 1, "z")], 100);
    assert!(
        matches!(refused, Err(PlanError::TooLong { budget: 100, .. })),
        "{refused:?}"
    );
    assert_eq!(talk.turns().len(), 1);
}

#[test]
fn memories_that_fit_least_give_way_to_the_words() {
    let mut talk = Conversation::new("");
    let told = [evidence(1, 5, "best"), evidence(2, 9, &"worst".repeat(30))];
    let plan = plan(&mut talk, "Which?", &told, 120).unwrap();
    assert_eq!(plan.shown, told[..1]);
}

proptest! {
    /// Turn by turn: the budget holds, and what was sent before stays sent, to the byte.
    #[test]
    fn a_conversation_grows_at_its_end_within_budget(
        turns in prop::collection::vec(
            (1usize..60, 0usize..60, prop::collection::vec((0u128..12, 0i64..50), 0..4)), 1..20),
        budget in 300usize..900,
    ) {
        let mut talk = Conversation::new("Be brief.");
        let mut before: Vec<Message> = Vec::new();
        for (words, said, told) in turns {
            let told: Vec<Evidence> = told.iter().map(|(n, days)| evidence(*n, *days, "a fact")).collect();
            let plan = plan(&mut talk, &"w".repeat(words), &told, budget).unwrap();
            prop_assert!(plan.tokens <= budget);
            prop_assert_eq!(bytes(&plan.messages).unwrap(), plan.tokens);
            if plan.dropped_turns == 0 {
                prop_assert!(plan.messages.starts_with(&before));
            } else {
                prop_assert!(before.ends_with(&plan.messages[1..plan.messages.len() - 1]));
            }
            let answered = "a".repeat(said);
            answer(&mut talk, &plan, &answered);
            before = plan.messages;
            before.push(Message::new(Role::Assistant, answered));
        }
    }

    /// Making room makes room: the next short turn costs nobody a place.
    #[test]
    fn after_turns_left_there_is_room_to_grow(words in 1usize..40) {
        let mut talk = Conversation::new("");
        let mut left = Vec::new();
        for _ in 0..60 {
            let plan = plan(&mut talk, &"w".repeat(words), &[], 600).unwrap();
            left.push(plan.dropped_turns > 0);
            answer(&mut talk, &plan, "ok");
        }
        prop_assert!(left.windows(2).all(|pair| pair != [true, true]));
    }
}
