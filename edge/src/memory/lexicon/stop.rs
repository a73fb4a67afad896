//! Words that tell passages apart poorly: stop words, and weak ones.
//!
//! Chosen by grammar: articles, pronouns, prepositions, conjunctions, auxiliary verbs,
//! question words and the small change of chat, in English and Russian. Contracted
//! forms come here without their apostrophe ("don't" as "do", "won't" as "wo"), and
//! "ё" as "е".

use std::collections::HashSet;
use std::sync::LazyLock;

static STOP: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "a about after again all also am an and any are as at be because been before being both \
     but by ca can cannot could did do does doing done down during each else few for from had \
     has have having he hello her here hers herself hey hi him himself his how i if in into is \
     it its itself just let may me might mine more most must my myself no nor not now of off oh \
     ok okay on only or other our ours out over own please same sha shall she should so some \
     such than that the their theirs them themselves then there these they this those through \
     to too under until up us very was we were what when where which while who whom whose why \
     will with wo would yeah yes you your yours yourself \
     а без бы был была были было быть в вам вас во вот все вы где да для до его ее ей ему если \
     есть еще же за зачем и из или им их к как какая какие какого какой ко когда кого кому \
     который кто куда ли меня мне мной мое моего моей мои мой моя мы на над нас не нее нет ни \
     но ну о об он она они оно от откуда по под почему при про с сам себя со так там твой тебе \
     тебя то тоже только тот ты у уже чего чем что чтобы эта эти это этот я"
        .split_whitespace()
        .collect()
});

/// Words that questions use to ask for a thing without naming it.
static WEAK: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "call called day describe described event events favorite favourite feel get getting go \
     going got kind like long made make making many mention mentioned much name named names \
     often plan planning say said share shared take taken talk tell thing things think time \
     times told took type types want went work \
     день зовут имя люблю любимый раз скажи сказал хочу"
        .split_whitespace()
        .collect()
});

/// Whether a lower-case word says nothing of what a text is about.
pub(super) fn is_stop(word: &str) -> bool {
    word.is_empty() || STOP.contains(word)
}

/// Whether a lower-case word asks for a thing without naming it.
pub(super) fn is_weak(word: &str) -> bool {
    WEAK.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_no_stop_word() {
        for word in ["code", "sister", "4711", "сестра"] {
            assert!(!is_stop(word) && !is_weak(word), "{word}");
        }
        assert!(is_stop("where") && is_stop("где") && is_weak("called"));
    }
}
