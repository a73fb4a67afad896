//! A family of dialogues in the making: who speaks, what is recalled, what distracts.

use jiff::civil::Date;
use shared::chat::{Message, Role};
use shared::turn::{Recalled, SYSTEM_PROMPT, user_message};

use crate::dataset::Dialogue;
use crate::dataset::dice::Dice;
use crate::dataset::facts::{Fact, Statement};
use crate::dataset::talk::NOTES;
use crate::dataset::values::{Class, capitalised};
use crate::dataset::world::World;

/// A family of dialogues in the making.
pub(crate) struct Scene {
    pub(crate) dice: Dice,
    pub(crate) world: World,
    today: Date,
    pub(crate) messages: Vec<Message>,
    /// What the blocks shown so far would answer, targets left out.
    pub(super) beside: Vec<Told>,
    /// How the dialogues end that begin with `messages`.
    endings: Vec<Vec<Message>>,
}

/// What a conversation knows, by the statement that first named the subject.
pub(crate) struct Told {
    pub(super) fact: Fact,
    pub(super) form: usize,
    pub(super) changed: bool,
    /// The newest statement of it.
    pub(super) text: String,
}

/// Statements in the order they were said: those of one unit stay in order.
pub(crate) type Unit = Vec<String>;

impl Scene {
    pub(crate) fn new(mut dice: Dice) -> Self {
        let today = day(dice.between(0, 3650));
        let world = World::new(&mut dice);
        Self {
            dice,
            world,
            today,
            messages: vec![Message::new(Role::System, SYSTEM_PROMPT)],
            beside: Vec::new(),
            endings: Vec::new(),
        }
    }

    /// What was said, as one dialogue for each ending; as one alone if there is none.
    pub(crate) fn finish(self) -> Vec<Dialogue> {
        let Self {
            messages, endings, ..
        } = self;
        if endings.is_empty() {
            return vec![Dialogue { messages }];
        }
        let whole = |ending| Dialogue {
            messages: [messages.clone(), ending].concat(),
        };
        endings.into_iter().map(whole).collect()
    }

    /// What `speak` says is one ending of what was said so far.
    pub(super) fn ending(&mut self, speak: impl FnOnce(&mut Self)) {
        let begun = self.messages.len();
        speak(self);
        self.endings.push(self.messages.split_off(begun));
    }

    /// The user speaks; `units` are recalled beside the words.
    ///
    /// Returns the memories as they are shown.
    pub(crate) fn user(&mut self, units: Vec<Unit>, words: &str) -> Vec<Recalled> {
        let memories = self.recalled(units);
        self.user_beside(&memories, words);
        memories
    }

    /// `units` as memories, in the order they are shown.
    pub(super) fn recalled(&mut self, units: Vec<Unit>) -> Vec<Recalled> {
        let texts = self.merged(units);
        self.dated(texts)
    }

    /// The user speaks; `memories` are recalled beside the words.
    pub(super) fn user_beside(&mut self, memories: &[Recalled], words: &str) {
        let content = user_message(self.today, memories, words);
        self.messages.push(Message::new(Role::User, content));
    }

    /// The assistant answers.
    pub(super) fn assistant(&mut self, words: impl Into<String>) {
        self.messages.push(Message::new(Role::Assistant, words));
    }

    /// Shuffles units together, each in its own order.
    fn merged(&mut self, units: Vec<Unit>) -> Vec<String> {
        let mut order: Vec<usize> = units
            .iter()
            .enumerate()
            .flat_map(|(index, unit)| std::iter::repeat_n(index, unit.len()))
            .collect();
        self.dice.shuffle(&mut order);
        let mut queues: Vec<_> = units.into_iter().map(Vec::into_iter).collect();
        order
            .into_iter()
            .filter_map(|index| queues[index].next())
            .collect()
    }

    /// Gives `texts` rising days up to today.
    fn dated(&mut self, texts: Vec<String>) -> Vec<Recalled> {
        let span = [2, 14, 60, 200, 900][self.dice.below(5)];
        let mut ages: Vec<i64> = texts.iter().map(|_| self.dice.between(0, span)).collect();
        ages.sort_unstable_by(|a, b| b.cmp(a));
        texts
            .into_iter()
            .zip(ages)
            .map(|(text, age)| Recalled {
                date: before(self.today, age),
                text,
            })
            .collect()
    }

    /// A memory that answers no question about `target`.
    pub(crate) fn distractor(&mut self, target: &Fact) -> Unit {
        match self.dice.weighted(&[38, 38, 5, 9, 6]) {
            0 => self.stated(|world, dice| world.near(dice, target)),
            1 => self.stated(World::fact),
            2 => self.history(),
            3 => vec![self.old_question()],
            _ => vec![self.note()],
        }
    }

    fn stated(&mut self, draw: impl Fn(&mut World, &mut Dice) -> Fact) -> Unit {
        let fact = draw(&mut self.world, &mut self.dice);
        self.state(fact)
    }

    /// A memory of `fact`, which can be asked for.
    pub(super) fn state(&mut self, fact: Fact) -> Unit {
        let statement = self.said(&fact);
        self.beside.push(Told {
            fact,
            form: statement.form,
            changed: statement.change,
            text: statement.text.clone(),
        });
        vec![statement.text]
    }

    /// A statement of `fact` as it is recalled: mostly a plain one, now and then a change,
    /// or how it was confirmed.
    pub(crate) fn said(&mut self, fact: &Fact) -> Statement {
        let statement = if self.dice.chance(14) {
            fact.change(&mut self.dice)
        } else {
            fact.statement(&mut self.dice)
        };
        if self.dice.chance(4) {
            let text = fact.confirmation(&statement);
            return Statement { text, ..statement };
        }
        statement
    }

    /// An old value of some fact, then the present one.
    fn history(&mut self) -> Unit {
        let fact = self.world.fact(&mut self.dice);
        let old = self.world.changed(&mut self.dice, &fact);
        let first = old.statement(&mut self.dice);
        if !fact.can_change() {
            return vec![first.text];
        }
        let second = fact.change_after(&mut self.dice, first.form);
        self.beside.push(Told {
            fact,
            form: first.form,
            changed: true,
            text: second.text.clone(),
        });
        vec![first.text, second.text]
    }

    /// A question that was asked long ago about something never told.
    fn old_question(&mut self) -> String {
        let fact = self.world.fact(&mut self.dice);
        let form = self.dice.below(fact.subject.forms.len());
        fact.question(&mut self.dice, form, false)
    }

    pub(super) fn note(&mut self) -> String {
        let template = self.dice.pick(NOTES);
        let word = self.dice.word();
        let name = self.dice.value(Class::Name);
        let text = template.replace("{w}", &word).replace("{p}", &name);
        if self.dice.chance(80) {
            capitalised(&text)
        } else {
            text
        }
    }

    /// Up to `most` distractors, five at most.
    pub(super) fn distractors(&mut self, target: &Fact, most: usize) -> Vec<Unit> {
        let count = self.dice.weighted(&[10, 16, 20, 20, 22, 12]).min(most);
        (0..count).map(|_| self.distractor(target)).collect()
    }

    /// Up to `most` memories that do not help; now and then none at all.
    pub(super) fn useless(&mut self, target: &Fact, most: usize) -> Vec<Unit> {
        if self.dice.chance(22) {
            return Vec::new();
        }
        let count = (1 + self.dice.below(5)).min(most);
        (0..count).map(|_| self.distractor(target)).collect()
    }

    /// Bytes said so far, the system prompt left out.
    pub(super) fn bytes(&self) -> usize {
        self.messages.iter().skip(1).map(|m| m.content.len()).sum()
    }

    pub(super) fn any_form(&mut self, fact: &Fact) -> usize {
        self.dice.below(fact.subject.forms.len())
    }
}

/// Day `offset` after the first of 2023.
fn day(offset: i64) -> Date {
    before(jiff::civil::date(2023, 1, 1), -offset)
}

/// The day `days` before `date`, within the calendar.
fn before(date: Date, days: i64) -> Date {
    date.saturating_sub(jiff::Span::new().days(days))
}
