//! The facts of one imagined person, drawn so that no two answer the same question.
//!
//! # Invariants
//! - No two subjects share a form ("my lock code" means one thing), [`World::twin`] apart.
//! - No two facts share kind and subject, and no value occurs twice.

use super::dice::Dice;
use super::facts::Fact;
use super::nouns::{
    BELONGINGS, COUNTABLES, DEVICES, EVENTS, LOCKED, OFFICES, PETS, PURPOSES, RELATIONS,
};
use super::phrases::{About, KINDS};
use super::subjects::{Subject, bare, event, locked, me, named, person, plain, property};
use super::values::Class;

/// Draws facts that do not contradict or answer for one another.
pub(crate) struct World {
    subjects: Vec<Subject>,
    taken: Vec<(usize, String)>,
    values: Vec<String>,
    /// This user types names without capitals.
    lower: bool,
}

impl World {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        Self {
            subjects: Vec::new(),
            taken: Vec::new(),
            values: Vec::new(),
            lower: dice.chance(5),
        }
    }

    /// A new fact, of any kind.
    pub(crate) fn fact(&mut self, dice: &mut Dice) -> Fact {
        loop {
            let kind = weighted_kind(dice);
            if let Some(fact) = self.fact_of(dice, kind) {
                return fact;
            }
        }
    }

    /// A new fact of the kind of `other`, if its next subject is not taken.
    pub(crate) fn same_kind(&mut self, dice: &mut Dice, other: &Fact) -> Option<Fact> {
        self.fact_of(dice, other.kind)
    }

    /// A new fact easily taken for `other`: the same kind, or the same subject.
    pub(crate) fn near(&mut self, dice: &mut Dice, other: &Fact) -> Fact {
        if dice.chance(50)
            && let Some(fact) = self.fact_of(dice, other.kind)
        {
            return fact;
        }
        self.more(dice, other).unwrap_or_else(|| self.fact(dice))
    }

    /// Another fact about the subject of `fact`.
    pub(crate) fn more(&mut self, dice: &mut Dice, fact: &Fact) -> Option<Fact> {
        (0..6).find_map(|_| {
            let kind = weighted_kind(dice);
            (KINDS[kind].about == fact.subject.about)
                .then(|| self.bind(dice, kind, fact.subject.clone()))
                .flatten()
        })
    }

    /// A new value for `fact`.
    pub(crate) fn changed(&mut self, dice: &mut Dice, fact: &Fact) -> Fact {
        Fact {
            value: self.new_value(dice, fact.class()),
            ..fact.clone()
        }
    }

    /// A second fact of the same kind whose subject shares the short form with `fact`'s.
    pub(crate) fn twin(&mut self, dice: &mut Dice, fact: &Fact) -> Option<Fact> {
        let name = self.new_value(dice, Class::Name);
        let subject = match fact.subject.about {
            About::Person => person(&fact.subject.noun, name),
            About::Property => {
                let noun = &fact.subject.noun;
                let head = LOCKED.iter().find(|(full, _)| full == noun)?.1;
                let others: Vec<_> = LOCKED
                    .iter()
                    .filter(|(full, other)| *other == head && full != noun)
                    .collect();
                if others.is_empty() {
                    return None;
                }
                let (full, head) = others[dice.below(others.len())];
                locked(full, head)
            }
            _ => return None,
        };
        self.bind(dice, fact.kind, subject)
    }

    fn fact_of(&mut self, dice: &mut Dice, kind: usize) -> Option<Fact> {
        let about = KINDS[kind].about;
        if dice.chance(35) {
            let known: Vec<usize> = (0..self.subjects.len())
                .filter(|&index| self.subjects[index].about == about)
                .collect();
            if !known.is_empty() {
                let subject = self.subjects[known[dice.below(known.len())]].clone();
                if let Some(fact) = self.bind(dice, kind, subject) {
                    return Some(fact);
                }
            }
        }
        let subject = self.new_subject(dice, about)?;
        self.subjects.push(subject.clone());
        self.bind(dice, kind, subject)
    }

    fn bind(&mut self, dice: &mut Dice, kind: usize, subject: Subject) -> Option<Fact> {
        let slot = (kind, subject.forms[0].text.clone());
        if self.taken.contains(&slot) {
            return None;
        }
        self.taken.push(slot);
        let value = self.new_value(dice, subject.class_in(&KINDS[kind]));
        Some(Fact {
            kind,
            subject,
            value,
        })
    }

    fn new_value(&mut self, dice: &mut Dice, class: Class) -> String {
        loop {
            let mut value = dice.value(class);
            if self.lower && !matches!(class, Class::Code | Class::Password) {
                value = value.to_lowercase();
            }
            if !self.values.contains(&value) {
                self.values.push(value.clone());
                return value;
            }
        }
    }

    /// `None` when the drawn subject's words are in use already.
    fn new_subject(&mut self, dice: &mut Dice, about: About) -> Option<Subject> {
        let subject = match about {
            About::Me => me(),
            About::Person => {
                let name = self.new_value(dice, Class::Name);
                person(dice.pick(RELATIONS), name)
            }
            About::Pet => {
                let name = self.new_value(dice, Class::PetName);
                named(About::Pet, dice.pick(PETS), name)
            }
            About::Relation => plain(about, dice.pick(RELATIONS)),
            About::PetKind => plain(about, dice.pick(PETS)),
            About::Belonging => plain(about, dice.pick(BELONGINGS)),
            About::Device => plain(about, dice.pick(DEVICES)),
            About::Event => event(dice.pick(EVENTS)),
            About::Office => plain(about, dice.pick(OFFICES)),
            About::Purpose => bare(about, dice.pick(PURPOSES)),
            About::Countable => bare(about, dice.pick(COUNTABLES)),
            About::Property => property(dice),
        };
        let clash = self.subjects.iter().any(|known| known.clashes(&subject));
        (!clash).then_some(subject)
    }
}

/// An index into [`KINDS`], each as likely as its weight.
fn weighted_kind(dice: &mut Dice) -> usize {
    const TOTAL: usize = {
        let (mut sum, mut index) = (0, 0);
        while index < KINDS.len() {
            sum += KINDS[index].weight as usize;
            index += 1;
        }
        sum
    };
    let mut roll = dice.below(TOTAL);
    for (index, kind) in KINDS.iter().enumerate() {
        if roll < kind.weight as usize {
            return index;
        }
        roll -= kind.weight as usize;
    }
    0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::dataset::dice::Split;

    /// Draws as dialogues do: new facts, and some near the ones before.
    fn drawn(seed: u64) -> Vec<Fact> {
        let mut dice = Dice::new(seed, 0, Split::Training);
        let mut world = World::new(&mut dice);
        let mut facts = vec![world.fact(&mut dice)];
        for index in 0..12 {
            let near = world.near(&mut dice, &facts[index].clone());
            facts.push(near);
            facts.push(world.fact(&mut dice));
        }
        facts
    }

    #[test]
    fn no_two_facts_answer_the_same_question() {
        for seed in 0..200 {
            let facts = drawn(seed);
            let mut slots = HashSet::new();
            for fact in &facts {
                for form in &fact.subject.forms {
                    assert!(slots.insert((fact.kind, form.text.clone())), "{fact:?}");
                }
            }
        }
    }

    #[test]
    fn no_value_occurs_twice() {
        for seed in 0..200 {
            let facts = drawn(seed);
            let values: HashSet<_> = facts.iter().map(|fact| &fact.value).collect();
            assert_eq!(values.len(), facts.len());
        }
    }

    #[test]
    fn twins_share_the_short_form_and_nothing_else() {
        let mut dice = Dice::new(3, 0, Split::Training);
        let mut found = 0;
        for _ in 0..300 {
            let mut world = World::new(&mut dice);
            let fact = world.fact(&mut dice);
            if let Some(twin) = world.twin(&mut dice, &fact) {
                found += 1;
                let (ours, theirs) = (&fact.subject.forms, &twin.subject.forms);
                assert_eq!(ours[ours.len() - 1].text, theirs[theirs.len() - 1].text);
                assert_ne!(ours[0].text, theirs[0].text);
                assert_ne!(fact.value, twin.value);
            }
        }
        assert!(found > 30, "{found}");
    }
}
