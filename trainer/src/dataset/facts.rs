//! Facts and the sentences about them.
//!
//! A [`Fact`] fills the templates of its [`Kind`]: as the user states it, asks for it and
//! changes it, and as the assistant confirms, answers or declines.

use super::dice::Dice;
use super::phrases::{About, KINDS, Kind};
use super::subjects::{Subject, plain};
use super::values::{Class, capitalised};

/// From whose mouth a sentence comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The person: "my", "I".
    User,
    /// The model: "your", "you".
    Assistant,
}

/// A subject, what is said of it, and the value.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// Index into [`KINDS`].
    pub(crate) kind: usize,
    pub(crate) subject: Subject,
    pub(crate) value: String,
}

/// A statement and what it lets one ask.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// What the user typed.
    pub(crate) text: String,
    /// How it names the subject.
    pub(crate) form: usize,
    /// Whether it says that something changed.
    pub(crate) change: bool,
}

impl Fact {
    pub(crate) fn kind(&self) -> &'static Kind {
        &KINDS[self.kind]
    }

    pub(crate) fn can_change(&self) -> bool {
        !self.kind().changes.is_empty()
    }

    /// The class of the value.
    pub(crate) fn class(&self) -> Class {
        self.subject.class_in(self.kind())
    }

    /// `template` filled in.
    pub(crate) fn render(&self, template: &str, form: usize, speaker: Speaker) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((key, tail)) = after.split_once('}') else {
                break;
            };
            self.expand(key, form, speaker, &mut out);
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn expand(&self, key: &str, form: usize, speaker: Speaker, out: &mut String) {
        let user = speaker == Speaker::User;
        match key {
            "s" => out.push_str(&said_by(speaker, &self.subject.forms[form].text)),
            "v" => out.push_str(&self.value),
            "n" => out.push_str(&self.subject.noun),
            "an" => {
                out.push_str(article(&self.subject.noun));
                out.push_str(&self.subject.noun);
            }
            "a" => out.push_str(article(&self.value)),
            "my" => out.push_str(if user { "my" } else { "your" }),
            "I" => out.push_str(if user { "I" } else { "you" }),
            "am" => out.push_str(if user { "am" } else { "are" }),
            _ => {}
        }
    }

    /// A statement by the user.
    pub(crate) fn statement(&self, dice: &mut Dice) -> Statement {
        let form = self.any_form(dice, 60);
        self.statement_in(dice, self.kind().says, form)
    }

    /// A statement by the user that replaces an older value; a plain one of what never changes.
    pub(crate) fn change(&self, dice: &mut Dice) -> Statement {
        let form = self.any_form(dice, 25);
        self.change_as(dice, form)
    }

    /// The same, naming the subject as someone who heard form `told` understands.
    pub(crate) fn change_after(&self, dice: &mut Dice, told: usize) -> Statement {
        let form = self.form_after(dice, told);
        self.change_as(dice, form)
    }

    fn change_as(&self, dice: &mut Dice, form: usize) -> Statement {
        if self.can_change() {
            let statement = self.statement_in(dice, self.kind().changes, form);
            Statement {
                change: true,
                ..statement
            }
        } else {
            self.statement_in(dice, self.kind().says, form)
        }
    }

    fn statement_in(&self, dice: &mut Dice, templates: &[&str], form: usize) -> Statement {
        let template = dice.pick(templates);
        let form = if template.contains("{s}") { form } else { 0 };
        let text = self.render(template, form, Speaker::User);
        Statement {
            text: stated(dice, text),
            form,
            change: false,
        }
    }

    /// The full form `full` times of a hundred, else any.
    fn any_form(&self, dice: &mut Dice, full: u32) -> usize {
        if dice.chance(full) {
            0
        } else {
            dice.below(self.subject.forms.len())
        }
    }

    /// For "my sister Maya …": that the sister is called Maya.
    pub(crate) fn naming(&self) -> Option<Self> {
        let about = match self.subject.about {
            About::Person => About::Relation,
            About::Pet => About::PetKind,
            _ => return None,
        };
        Some(Self {
            kind: KINDS.iter().position(|kind| kind.about == about)?,
            subject: plain(about, &self.subject.noun),
            value: self.subject.name.clone()?,
        })
    }

    /// Whether both speak of one subject.
    pub(crate) fn same_subject(&self, other: &Self) -> bool {
        self.subject.forms[0].text == other.subject.forms[0].text
    }

    /// A form that someone who heard `told` understands.
    pub(crate) fn form_after(&self, dice: &mut Dice, told: usize) -> usize {
        let forms = &self.subject.forms;
        let fits: Vec<usize> = (0..forms.len())
            .filter(|&form| self.subject.covers(told, form))
            .collect();
        fits[dice.below(fits.len())]
    }

    /// A question by the user; `changed` makes "now" more likely.
    pub(crate) fn question(&self, dice: &mut Dice, form: usize, changed: bool) -> String {
        const INDIRECT: &[&str] = &[
            "do you remember ",
            "do you know ",
            "can you tell me ",
            "could you remind me ",
            "tell me ",
            "remind me ",
            "I forgot ",
            "do you still know ",
            "I'd like to know ",
            "please tell me ",
        ];
        let kind = self.kind();
        if dice.chance(22) {
            let opening = dice.pick(INDIRECT);
            let clause = self.render(kind.clause, form, Speaker::User);
            let mark = if opening.starts_with(['d', 'c']) {
                "?"
            } else {
                "."
            };
            return asked(dice, format!("{opening}{clause}{mark}"));
        }
        let template = dice.pick(kind.asks);
        let mut text = self.render(template, form, Speaker::User);
        let now = if changed { 45 } else { 8 };
        if self.can_change() && takes_now(template) && dice.chance(now) {
            text.truncate(text.len() - 1);
            text.push_str(" now?");
        }
        asked(dice, text)
    }

    /// What the assistant answers.
    pub(crate) fn answer(&self, form: usize) -> String {
        sentence(&self.told(form))
    }

    /// The fact in the assistant's words, without capital or period.
    pub(crate) fn told(&self, form: usize) -> String {
        self.render(self.kind().told, form, Speaker::Assistant)
    }

    /// What the assistant says when told.
    pub(crate) fn confirmation(&self, statement: &Statement) -> String {
        let now = if statement.change { " now" } else { "" };
        format!(
            "Got it: {}{now}. I'll remember that.",
            self.told(statement.form)
        )
    }

    /// What the assistant says when it cannot know.
    pub(crate) fn decline(&self, form: usize) -> String {
        format!(
            "I don't know {} yet. Tell me and I'll remember it.",
            self.render(self.kind().clause, form, Speaker::Assistant)
        )
    }

    /// A yes-or-no question about this value.
    pub(crate) fn check(&self, dice: &mut Dice, form: usize) -> String {
        let text = self.render(self.kind().check, form, Speaker::User);
        asked(dice, text)
    }
}

/// Words after which "now" may stand before the question mark.
fn takes_now(template: &str) -> bool {
    template.ends_with('?')
        && [
            "where ", "what ", "what's ", "who ", "which ", "how ", "in ",
        ]
        .iter()
        .any(|word| template.starts_with(word))
        && !template.contains(" was ")
        && !template.contains(" did ")
        && !template.contains("again")
}

/// "a " or "an ".
fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) {
        "an "
    } else {
        "a "
    }
}

/// A user's form as `speaker` says it: "my" becomes "your".
pub(crate) fn said_by(speaker: Speaker, form: &str) -> String {
    match speaker {
        Speaker::User => form.to_owned(),
        Speaker::Assistant => form.strip_prefix("my ").map_or_else(
            || form.replace(" my ", " your "),
            |rest| format!("your {rest}"),
        ),
    }
}

/// A full sentence: capital letter and period.
pub(crate) fn sentence(text: &str) -> String {
    capitalised(text) + "."
}

/// A statement the way people type it.
fn stated(dice: &mut Dice, text: String) -> String {
    const OPENINGS: &[&str] = &[
        "remember that ",
        "please remember that ",
        "remember: ",
        "by the way, ",
        "note that ",
        "don't forget that ",
        "fyi, ",
        "oh, ",
        "for later: ",
        "please note: ",
        "you should know that ",
        "and ",
        "so, ",
        "remember ",
    ];
    let plain = !["hi", "hello", "call me", "just", "I want", "from now"]
        .iter()
        .any(|start| text.starts_with(start));
    let mut text = if plain && dice.chance(14) {
        dice.pick(OPENINGS).to_owned() + &text
    } else {
        text
    };
    if dice.chance(80) {
        text = capitalised(&text);
    }
    if dice.chance(45) {
        text.push(if dice.chance(8) { '!' } else { '.' });
    }
    text
}

/// A question the way people type it.
pub(crate) fn asked(dice: &mut Dice, text: String) -> String {
    const OPENINGS: &[&str] = &[
        "hey, ",
        "and ",
        "ok, ",
        "by the way, ",
        "so, ",
        "quick question: ",
        "sorry, ",
    ];
    let mut text = if dice.chance(8) {
        dice.pick(OPENINGS).to_owned() + &text
    } else {
        text
    };
    if dice.chance(82) {
        text = capitalised(&text);
    }
    if dice.chance(12) && text.ends_with(['?', '.']) {
        text.truncate(text.len() - 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::dice::Split;
    use crate::dataset::subjects::named;

    fn maya() -> Fact {
        Fact {
            kind: KINDS
                .iter()
                .position(|kind| kind.told == "{s} lives in {v}")
                .unwrap(),
            subject: named(About::Person, "sister", "Maya".to_owned()),
            value: "Lisbon".to_owned(),
        }
    }

    #[test]
    fn the_assistant_turns_the_speaker_round() {
        assert_eq!(maya().answer(0), "Your sister Maya lives in Lisbon.");
        assert_eq!(maya().answer(1), "Maya lives in Lisbon.");
        assert_eq!(
            maya().decline(2),
            "I don't know where your sister lives yet. Tell me and I'll remember it."
        );
        assert_eq!(
            said_by(Speaker::Assistant, "the code for my lock"),
            "the code for your lock"
        );
    }

    #[test]
    fn a_change_is_confirmed_as_one() {
        let mut dice = Dice::new(1, 0, Split::Training);
        let statement = maya().change_after(&mut dice, 1);
        let told = maya().confirmation(&statement);
        assert!(
            told.ends_with("lives in Lisbon now. I'll remember that."),
            "{told}"
        );
    }

    #[test]
    fn what_was_told_by_name_is_not_asked_by_relation() {
        let mut dice = Dice::new(1, 0, Split::Training);
        for _ in 0..100 {
            assert_ne!(maya().form_after(&mut dice, 1), 2);
            assert_ne!(maya().form_after(&mut dice, 2), 1);
        }
    }

    #[test]
    fn a_name_in_passing_answers_what_someone_is_called() {
        let naming = maya().naming().unwrap();
        assert_eq!(naming.answer(0), "Your sister is called Maya.");
    }

    #[test]
    fn articles_follow_the_sound() {
        assert_eq!(article("uncle"), "an ");
        assert_eq!(article("dog"), "a ");
    }
}
