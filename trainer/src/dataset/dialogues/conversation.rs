//! Conversations of several turns, where the history answers.

use super::scene::Scene;
use super::{ask_recalled, ask_unknown, chat};
use crate::dataset::facts::{Fact, Speaker, Statement};
use crate::dataset::values::capitalised;

/// What a conversation knows, by the statement that first named the subject.
pub(super) struct Told {
    pub(super) fact: Fact,
    pub(super) form: usize,
    pub(super) changed: bool,
    /// The newest statement of it.
    pub(super) text: String,
}

/// A conversation takes no further turn beyond this many bytes, about 700 tokens.
const CONVERSATION_BYTES: usize = 1_900;

/// Two to eight turns; what was told or recalled stays in the history.
pub(super) fn conversation(scene: &mut Scene) {
    let mut known: Vec<Told> = Vec::new();
    let turns = scene.dice.weighted(&[0, 0, 24, 24, 20, 12, 8, 6, 6]);
    for turn in 0..turns {
        if scene.bytes() > CONVERSATION_BYTES {
            break;
        }
        let step = if !known.is_empty() {
            scene.dice.weighted(&[24, 34, 15, 12, 6, 9])
        } else if turn + 1 < turns {
            scene.dice.weighted(&[62, 0, 0, 10, 10, 18])
        } else {
            3
        };
        match step {
            0 => tell_more(scene, &mut known),
            1 => ask_back(scene, &known),
            2 => change_mind(scene, &mut known),
            3 => known.extend(ask_then_tell(scene)),
            4 => chat(scene),
            _ => known.push(ask_recalled(scene)),
        }
    }
}

fn tell_more(scene: &mut Scene, known: &mut Vec<Told>) {
    let fact = scene.world.fact(&mut scene.dice);
    let statement = fact.statement(&mut scene.dice);
    let units = if scene.dice.chance(25) {
        scene.useless(&fact)
    } else {
        Vec::new()
    };
    scene.user(units, &statement.text);
    scene.assistant(fact.confirmation(&statement));
    known.push(Told {
        fact,
        form: statement.form,
        changed: false,
        text: statement.text,
    });
}

/// A question that nothing answers; after the offer to remember, the user may answer it.
fn ask_then_tell(scene: &mut Scene) -> Option<Told> {
    const SHORT: &[&str] = &["it's {v}", "{v}", "ok, it's {v}", "it is {v}"];
    let (fact, form) = ask_unknown(scene);
    if scene.dice.chance(55) {
        return None;
    }
    let plain = matches!(fact.kind().told, "{s} is {v}" | "{s} is called {v}");
    let statement = if plain && scene.dice.chance(35) {
        let text = fact.render(scene.dice.pick(SHORT), form, Speaker::User);
        scene.user(Vec::new(), &capitalised(&text));
        let line = fact.render(fact.kind().says[0], form, Speaker::User);
        Statement {
            text: capitalised(&line),
            form,
            change: false,
        }
    } else {
        let statement = fact.statement(&mut scene.dice);
        scene.user(Vec::new(), &statement.text);
        statement
    };
    scene.assistant(fact.confirmation(&statement));
    Some(Told {
        fact,
        form: statement.form,
        changed: false,
        text: statement.text,
    })
}

/// A question about what the history holds, with or without memories beside it.
fn ask_back(scene: &mut Scene, known: &[Told]) {
    let told = &known[scene.dice.below(known.len())];
    let mut units = Vec::new();
    if scene.dice.chance(40) {
        units = scene.useless(&told.fact);
        units.truncate(3);
    }
    for other in known {
        if scene.dice.chance(20) {
            units.push(vec![other.text.clone()]);
        }
    }
    let form = told.fact.form_after(&mut scene.dice, told.form);
    let question = told.fact.question(&mut scene.dice, form, told.changed);
    scene.user(units, &question);
    scene.assistant(told.fact.answer(form));
}

/// The user corrects or changes something known.
fn change_mind(scene: &mut Scene, known: &mut [Told]) {
    const SLIPS: &[&str] = &[
        "no, it's {v}",
        "sorry, I meant {v}",
        "actually, {v}",
        "no, {v}",
        "wrong, it's {v}",
        "I mean {v}",
    ];
    let last = known.len() - 1;
    let told = &mut known[if scene.dice.chance(60) { last } else { 0 }];
    let confirmed = scene.messages.last().is_some_and(|message| {
        message.content.starts_with("Got it: ") && message.content.contains(&told.fact.value)
    });
    let slip = confirmed && (scene.dice.chance(50) || !told.fact.can_change());
    if !slip && !told.fact.can_change() {
        return chat(scene);
    }
    let fresh = scene.world.changed(&mut scene.dice, &told.fact);
    if slip {
        let template = scene.dice.pick(SLIPS);
        let words = capitalised(&fresh.render(template, told.form, Speaker::User));
        scene.user(Vec::new(), &words);
        let now = fresh.told(told.form);
        scene.assistant(format!("Got it: {now}. I'll remember that."));
        let template = fresh.kind().says[0];
        told.text = capitalised(&fresh.render(template, told.form, Speaker::User));
    } else {
        let statement = fresh.change_after(&mut scene.dice, told.form);
        let units = if scene.dice.chance(35) {
            vec![vec![told.text.clone()]]
        } else {
            Vec::new()
        };
        scene.user(units, &statement.text);
        scene.assistant(fresh.confirmation(&statement));
        told.changed = true;
        told.text = statement.text;
    }
    told.fact = fresh;
}
