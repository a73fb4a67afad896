//! Many questions about one block of memories, each asked as if it were the only one.
//!
//! The block is read once for all of them (see [`Sequence::tree`]), and questions that it
//! answers stand beside questions that it does not.
//!
//! [`Sequence::tree`]: crate::dataset::sequence::Sequence::tree

use shared::turn::Recalled;

use super::chat;
use super::scene::{Scene, Told, Unit};
use crate::dataset::facts::{Speaker, asked};

/// Questions about one block.
const QUESTIONS: usize = 6;

/// Memories of all kinds.
pub(super) fn quiz(scene: &mut Scene) {
    let draw = |scene: &mut Scene| {
        let near = &scene.beside[scene.dice.below(scene.beside.len())];
        let near = near.fact.clone();
        scene.distractor(&near)
    };
    ask_about(scene, draw);
}

/// Memories most of which are of one kind: whose they are decides.
pub(super) fn quiz_of_one_kind(scene: &mut Scene) {
    let draw = |scene: &mut Scene| {
        let first = scene.beside[0].fact.clone();
        let same = scene.dice.chance(75);
        let fact = same.then(|| scene.world.same_kind(&mut scene.dice, &first));
        match fact.flatten() {
            Some(fact) => scene.state(fact),
            None => scene.distractor(&first),
        }
    };
    ask_about(scene, draw);
}

/// Questions about a fact and what `draw` shows beside it.
fn ask_about(scene: &mut Scene, draw: impl Fn(&mut Scene) -> Unit) {
    let lines = 1 + scene.dice.weighted(&[7, 11, 15, 18, 49]);
    let fact = scene.world.fact(&mut scene.dice);
    let mut units = vec![scene.state(fact)];
    let mut shown = 1;
    while shown < lines {
        let unit = draw(scene);
        shown += unit.len();
        units.push(unit);
    }
    let block = scene.recalled(units);
    let mut all = std::mem::take(&mut scene.beside);
    scene.dice.shuffle(&mut all);
    for told in all.iter().cycle().take(QUESTIONS) {
        scene.ending(|scene| {
            if scene.dice.chance(4) {
                tell(scene, &block, told);
            } else {
                ask(scene, &block, told);
                go_on(scene, &all);
            }
        });
    }
}

/// One question, about `told` or near to it.
fn ask(scene: &mut Scene, block: &[Recalled], told: &Told) {
    match scene.dice.weighted(&[66, 26, 5, 3]) {
        0 => known(scene, block, told),
        1 => unknown(scene, block, told),
        2 => check(scene, block, told),
        _ => told_when(scene, block, told),
    }
}

/// A question that `told` answers.
fn known(scene: &mut Scene, block: &[Recalled], told: &Told) {
    let form = told.fact.form_after(&mut scene.dice, told.form);
    let question = told.fact.question(&mut scene.dice, form, told.changed);
    scene.user_beside(block, &question);
    scene.assistant(told.fact.answer(form));
}

/// A question near to what is known, which nothing answers.
fn unknown(scene: &mut Scene, block: &[Recalled], told: &Told) {
    let fact = if scene.dice.chance(75) {
        scene.world.near(&mut scene.dice, &told.fact)
    } else {
        scene.world.fact(&mut scene.dice)
    };
    let form = scene.any_form(&fact);
    let question = if scene.dice.chance(10) {
        fact.check(&mut scene.dice, form)
    } else {
        fact.question(&mut scene.dice, form, false)
    };
    scene.user_beside(block, &question);
    scene.assistant(fact.decline(form));
}

fn check(scene: &mut Scene, block: &[Recalled], told: &Told) {
    let form = told.fact.form_after(&mut scene.dice, told.form);
    let (supposed, word) = if scene.dice.chance(50) {
        (told.fact.clone(), "Yes")
    } else {
        (scene.world.changed(&mut scene.dice, &told.fact), "No")
    };
    let question = supposed.check(&mut scene.dice, form);
    scene.user_beside(block, &question);
    scene.assistant(format!("{word}, {}.", told.fact.told(form)));
}

/// "When did I tell you …?": the day stands beside the memory.
fn told_when(scene: &mut Scene, block: &[Recalled], told: &Told) {
    const ASKS: &[&str] = &[
        "when did I tell you ",
        "when did I say ",
        "on what date did I tell you ",
        "since when do you know ",
    ];
    let form = told.fact.form_after(&mut scene.dice, told.form);
    let clause = told
        .fact
        .render(told.fact.kind().clause, form, Speaker::User);
    let text = format!("{}{clause}?", scene.dice.pick(ASKS));
    let question = asked(&mut scene.dice, text);
    scene.user_beside(block, &question);
    let date = block.iter().find(|memory| memory.text == told.text);
    let date = date.map_or_else(String::new, |memory| memory.date.to_string());
    scene.assistant(format!("You told me on {date}."));
}

/// The user tells something new, or that something changed.
fn tell(scene: &mut Scene, block: &[Recalled], told: &Told) {
    let (fact, statement) = if scene.dice.chance(60) && told.fact.can_change() {
        let fact = scene.world.changed(&mut scene.dice, &told.fact);
        let statement = fact.change_after(&mut scene.dice, told.form);
        (fact, statement)
    } else {
        let fact = scene.world.near(&mut scene.dice, &told.fact);
        let statement = fact.statement(&mut scene.dice);
        (fact, statement)
    };
    scene.user_beside(block, &statement.text);
    scene.assistant(fact.confirmation(&statement));
}

/// Now and then the conversation goes on without the memories being shown again.
fn go_on(scene: &mut Scene, all: &[Told]) {
    match scene.dice.weighted(&[80, 14, 6]) {
        0 => {}
        1 => {
            let told = &all[scene.dice.below(all.len())];
            known(scene, &[], told);
        }
        _ => chat(scene),
    }
}
