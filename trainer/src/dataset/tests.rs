//! What every dialogue of the corpus keeps to.

use std::collections::HashSet;

use jiff::civil::Date;
use shared::chat::{Message, Role};
use shared::turn::{Recalled, SYSTEM_PROMPT, user_message};

use super::values::held_out;
use super::words::WEEKDAYS;
use super::{Dialogue, Generator, questions};

const SAMPLE: u64 = 20_000;

fn sample(count: u64) -> impl Iterator<Item = Dialogue> {
    // Spread over the drills of the beginning, what comes after, and the end; one of each
    // family.
    (0..count).map(|index| {
        let late = if index % 4 == 3 { 120_000 } else { 0 };
        let mut family = Generator::new(1).family(late + index * 7);
        family.swap_remove(index as usize % family.len())
    })
}

/// The memories and the words of a user message, taken apart; the words alone without any.
fn taken_apart(content: &str) -> (Option<Date>, Vec<Recalled>, &str) {
    let Some(rest) = content.strip_prefix("Memories, oldest first (today is ") else {
        return (None, Vec::new(), content);
    };
    let (today, rest) = rest.split_once("):\n").unwrap();
    let (block, words) = rest.split_once("\n\n").unwrap();
    let memories = block.lines().map(|line| {
        let (date, text) = line.strip_prefix("- ").unwrap().split_once(": ").unwrap();
        Recalled {
            date: date.parse().unwrap(),
            text: text.to_owned(),
        }
    });
    (Some(today.parse().unwrap()), memories.collect(), words)
}

/// Runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
}

fn user_contents(dialogue: &Dialogue) -> impl Iterator<Item = &str> {
    let of_user = |message: &&Message| message.role == Role::User;
    dialogue
        .messages
        .iter()
        .filter(of_user)
        .map(|message| message.content.as_str())
}

#[test]
fn a_family_depends_on_seed_and_index_alone() {
    let generator = Generator::new(7);
    let forward: Vec<_> = (0..50).map(|index| generator.family(index)).collect();
    let backward: Vec<_> = (0..50).rev().map(|index| generator.family(index)).collect();
    assert!(forward.iter().eq(backward.iter().rev()));
    assert_ne!(forward[3], Generator::new(8).family(3));
    assert_ne!(forward[3], forward[4]);
}

#[test]
fn the_corpus_changes_only_on_purpose() {
    // Whoever changes this hash trains nano anew: a recipe stands for one corpus.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for message in sample(2_000).flat_map(|dialogue| dialogue.messages) {
        for byte in message.content.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert_eq!(format!("{hash:016x}"), "b7e7d56ca266a242");
}

#[test]
fn speakers_take_turns_and_the_assistant_has_the_last_word() {
    let system = Message::new(Role::System, SYSTEM_PROMPT);
    for dialogue in sample(5_000) {
        let bare = dialogue.messages.as_slice();
        let turns = bare
            .strip_prefix(std::slice::from_ref(&system))
            .unwrap_or(bare);
        assert!(turns.len() >= 2 && turns.len() % 2 == 0, "{dialogue:?}");
        for pair in turns.chunks(2) {
            assert_eq!([pair[0].role, pair[1].role], [Role::User, Role::Assistant]);
        }
    }
}

#[test]
fn drills_come_first_and_grow_rare() {
    let drills = |from: u64| {
        let bare = |index: &u64| Generator::new(1).family(*index)[0].messages[0].role == Role::User;
        (from..from + 1_000).filter(bare).count()
    };
    assert!(drills(0) > 600, "{}", drills(0));
    assert!(drills(100_000) < 80, "{}", drills(100_000));
}

#[test]
fn sentences_are_filled_in_and_clean() {
    for message in sample(SAMPLE).flat_map(|dialogue| dialogue.messages) {
        let text = &message.content;
        assert!(!text.contains(['{', '}']), "{text}");
        assert!(!text.contains("  "), "{text}");
        assert_eq!(text.trim(), text);
        assert!(!text.is_empty());
        if message.role == Role::Assistant {
            assert!(text.ends_with(['.', '?', '!']), "{text}");
            assert!(!words(text).any(|word| word == "my"), "{text}");
        }
    }
}

#[test]
fn prompts_are_those_of_the_device() {
    let mut blocks = 0;
    for dialogue in sample(5_000) {
        for content in user_contents(&dialogue) {
            let (today, memories, words) = taken_apart(content);
            if let Some(today) = today {
                blocks += 1;
                assert_eq!(user_message(today, &memories, words), content);
                assert!(memories.is_sorted_by_key(|memory| memory.date));
                assert!(memories.iter().all(|memory| memory.date <= today));
            }
        }
    }
    assert!(blocks > 2_000, "only {blocks} messages show memories");
}

#[test]
fn real_values_kept_for_evaluation_never_occur_in_training() {
    let (single, several): (Vec<_>, Vec<_>) = held_out().partition(|value| !value.contains(' '));
    let single: HashSet<&str> = single.into_iter().collect();
    for message in sample(SAMPLE).flat_map(|dialogue| dialogue.messages) {
        let text = &message.content;
        assert_eq!(
            words(text).find(|word| single.contains(word)),
            None,
            "{text}"
        );
        assert!(!several.iter().any(|value| text.contains(value)), "{text}");
    }
}

#[test]
fn names_and_codes_of_the_evaluation_never_occur_in_training() {
    // Lower-case words, weekdays and short numbers may be parts of longer values.
    let answers: HashSet<String> = questions::answerable(7, 500)
        .into_iter()
        .map(|question| question.answer)
        .filter(|answer| words(answer).count() == 1)
        .filter(|answer| answer.starts_with(char::is_uppercase) || answer.len() >= 5)
        .filter(|answer| !answer.starts_with(char::is_lowercase))
        .filter(|answer| !WEEKDAYS.contains(&answer.as_str()))
        .collect();
    assert!(answers.len() > 200, "{}", answers.len());
    for message in sample(SAMPLE).flat_map(|dialogue| dialogue.messages) {
        let (_, memories, asked) = taken_apart(&message.content);
        for text in memories
            .iter()
            .map(|memory| memory.text.as_str())
            .chain([asked])
        {
            let leaked = words(text).find(|word| answers.contains(*word));
            assert_eq!(leaked, None, "{text}");
        }
    }
}

#[test]
fn a_declined_question_is_recognised_as_declined() {
    let mut declined = 0;
    for message in sample(5_000).flat_map(|dialogue| dialogue.messages) {
        if message.role == Role::Assistant {
            let offers = message.content.ends_with("Tell me and I'll remember it.");
            assert_eq!(
                questions::is_decline(&message.content),
                offers,
                "{}",
                message.content
            );
            declined += usize::from(offers);
        }
    }
    assert!(declined > 800, "{declined}");
}

#[test]
fn answerable_questions_show_their_answer_among_four_distractors() {
    for question in questions::answerable(7, 500) {
        let content = &question.messages[1].content;
        let (_, memories, asked) = taken_apart(content);
        assert_eq!(memories.len(), 5, "{content}");
        let shown = |memory: &Recalled| questions::matches(&question.answer, &memory.text);
        assert!(
            memories.iter().any(shown),
            "{content} -> {}",
            question.answer
        );
        assert!(!questions::matches(&question.answer, asked), "{content}");
    }
}

#[test]
fn unanswerable_questions_show_five_memories_or_none() {
    let questions = questions::unanswerable(7, 200);
    let bare = |question: &&questions::Question| {
        let (_, memories, _) = taken_apart(&question.messages[1].content);
        assert!([0, 5].contains(&memories.len()));
        assert!(question.answer.is_empty());
        memories.is_empty()
    };
    let without = questions.iter().filter(bare).count();
    assert!((20..80).contains(&without), "{without}");
}
