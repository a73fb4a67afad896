//! Held-out evaluation questions, and how answers are judged.
//!
//! Pure. Names and values belong to [`Split::HeldOut`]: no training dialogue has them.

use shared::chat::Message;

use super::dialogues::scene::Scene;
use super::dice::{Dice, Split};
use super::facts::Fact;

/// How many memories a question is shown.
const SHOWN: usize = 5;

/// A question with the memories it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Names the question within its set.
    pub id: String,
    /// System prompt and user message.
    pub messages: Vec<Message>,
    /// The exact value that a right answer holds; empty when the right answer is to decline.
    pub answer: String,
}

/// `count` questions, each with the right memory at a random place among four others.
pub fn answerable(seed: u64, count: usize) -> Vec<Question> {
    (0..count)
        .map(|index| one_answerable(seed, index))
        .collect()
}

fn one_answerable(seed: u64, index: usize) -> Question {
    let mut scene = Scene::new(Dice::new(seed, index as u64, Split::HeldOut));
    let fact = scene.world.fact(&mut scene.dice);
    let statement = scene.said(&fact);
    let mut units: Vec<_> = (1..SHOWN).map(|_| one_line(&mut scene, &fact)).collect();
    units.push(vec![statement.text.clone()]);
    let form = fact.form_after(&mut scene.dice, statement.form);
    let question = fact.question(&mut scene.dice, form, statement.change);
    scene.user(units, &question);
    Question {
        id: format!("answerable-{index}"),
        messages: scene.messages,
        answer: fact.value,
    }
}

/// `count` questions that the memories shown, if any, do not answer.
pub fn unanswerable(seed: u64, count: usize) -> Vec<Question> {
    (0..count)
        .map(|index| one_unanswerable(seed, index))
        .collect()
}

fn one_unanswerable(seed: u64, index: usize) -> Question {
    // The upper half of the streams, so that both sets differ.
    let stream = index as u64 + (1 << 63);
    let mut scene = Scene::new(Dice::new(seed, stream, Split::HeldOut));
    let fact = scene.world.fact(&mut scene.dice);
    let shown = if scene.dice.chance(20) { 0 } else { SHOWN };
    let units = (0..shown).map(|_| one_line(&mut scene, &fact)).collect();
    let form = scene.dice.below(fact.subject.forms.len());
    let question = fact.question(&mut scene.dice, form, false);
    scene.user(units, &question);
    Question {
        id: format!("unanswerable-{index}"),
        messages: scene.messages,
        answer: String::new(),
    }
}

/// A distractor of exactly one memory.
fn one_line(scene: &mut Scene, fact: &Fact) -> Vec<String> {
    let mut unit = scene.distractor(fact);
    unit.truncate(1);
    unit
}

/// Whether `text` says that the answer is not known.
pub fn is_decline(text: &str) -> bool {
    text.trim_start().starts_with("I don't know")
}

/// Whether `text` holds `answer` exactly, case and all, and not as a part of longer words.
pub fn matches(answer: &str, text: &str) -> bool {
    let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !answer.is_empty()
        && text.match_indices(answer).any(|(start, found)| {
            !inside(text[..start].chars().next_back())
                && !inside(text[start + found.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_matches_whole_and_exactly() {
        assert!(matches("Lisbon", "Maya lives in Lisbon."));
        assert!(matches("4711", "Your lock code is 4711"));
        assert!(matches("K7-42B", "It is \"K7-42B\"!"));
        assert!(!matches("Lisbon", "Maya lives in lisbon."));
        assert!(!matches("4711", "Your lock code is 47112."));
        assert!(!matches("Rex", "Your dog is called Rexo, not TRex."));
        assert!(matches("Rex", "Not Rexo but Rex."));
        assert!(!matches("", "anything"));
    }

    #[test]
    fn only_not_knowing_declines() {
        assert!(is_decline(
            "I don't know what your cat is called yet. Tell me and I'll remember it."
        ));
        assert!(!is_decline("Your cat is called Idontknow."));
        assert!(!is_decline("Got it: you don't know Rex. I don't know."));
    }

    #[test]
    fn question_sets_are_seeded_and_differ() {
        assert_eq!(answerable(7, 20), answerable(7, 20));
        assert_eq!(answerable(7, 20), answerable(7, 30)[..20]);
        assert_ne!(answerable(7, 20), answerable(8, 20));
        assert_ne!(answerable(7, 1)[0].messages, unanswerable(7, 1)[0].messages);
    }
}
