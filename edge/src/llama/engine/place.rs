//! Where a new request goes: the slot that has read most of its prompt.
//!
//! Pure.
//!
//! # Invariants
//! - A slot that is answering is never given away.
//! - What was read with one adapter is never used with another.
//! - At least one token of the prompt is left to read: logits are needed after it.
//!
//! Units: tokens, which are cells of the cache.

use crate::generate::Token;

/// Waiting for another request to read a common beginning must spare this many tokens.
const WORTH_WAITING: usize = 32;

/// What tells adapters apart: its number and the bits of its scale; none is the base.
pub(super) type Key = Option<(u64, u32)>;

/// A slot as placement sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What was read, and is there.
    pub(super) held: &'a [Token],
    /// The prompt that is being read into it, whole; empty if none is.
    pub(super) coming: &'a [Token],
    /// With what adapter.
    pub(super) key: Key,
    /// Whether nothing is answered in it.
    pub(super) is_free: bool,
    /// Cells it holds, or may come to hold.
    pub(super) cells: usize,
    /// When it was last used.
    pub(super) used: u64,
}

/// A request as placement sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) prompt: &'a [Token],
    pub(super) key: Key,
    /// Cells it may come to hold.
    pub(super) cells: usize,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The slot.
    pub(super) slot: usize,
    /// How many tokens that it has read stay.
    pub(super) keep: usize,
    /// Share this many tokens of another slot instead: (slot, tokens).
    pub(super) share: Option<(usize, usize)>,
    /// Wait until another slot has read this many tokens, and share them: (slot, tokens).
    pub(super) follow: Option<(usize, usize)>,
    /// Free slots that must forget everything to make room.
    pub(super) evict: Vec<usize>,
}

/// What the cache can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cache {
    /// Cells of all slots together.
    pub(super) cells: usize,
    /// Whether the end of a sequence can be forgotten, and its beginning shared.
    pub(super) keeps_tokens: bool,
}

/// The best place, if there is one now.
pub(super) fn place(slots: &[View<'_>], wanted: &Wanted<'_>, cache: Cache) -> Option<Place> {
    let read = |slot: &View<'_>| reusable(slot.held, slot.key, wanted, cache);
    let free = || slots.iter().enumerate().filter(|(_, slot)| slot.is_free);
    // The same conversation goes on where it was; what only begins alike stays whole,
    // for the conversation it belongs to, and is shared.
    let own = free()
        .map(|(at, slot)| (read(slot), at))
        .filter(|&(count, at)| count > 0 && 2 * count >= slots[at].held.len())
        .max_by_key(|&(count, at)| (count, std::cmp::Reverse(at)));
    let (keep, slot) = match own {
        Some(found) => found,
        None => (0, emptiest(free())?),
    };
    let mut place = Place {
        slot,
        keep,
        share: None,
        follow: None,
        evict: Vec::new(),
    };
    if cache.keeps_tokens {
        let best = |count: &dyn Fn(&View<'_>) -> usize| {
            let others = slots.iter().enumerate().filter(|&(at, _)| at != slot);
            others
                .map(|(at, other)| (at, count(other)))
                .max_by_key(|&(at, count)| (count, std::cmp::Reverse(at)))
        };
        place.share = best(&read).filter(|&(_, count)| count > keep);
        let have = place.share.map_or(keep, |(_, count)| count);
        let coming = |other: &View<'_>| reusable(other.coming, other.key, wanted, cache);
        place.follow = best(&coming).filter(|&(_, count)| count >= have + WORTH_WAITING);
    }
    place.evict = evict(slots, slot, wanted, cache)?;
    Some(place)
}

/// How many tokens of `held` serve the request.
fn reusable(held: &[Token], key: Key, wanted: &Wanted<'_>, cache: Cache) -> usize {
    if key != wanted.key {
        return 0;
    }
    let same = held.iter().zip(wanted.prompt).take_while(|(a, b)| a == b);
    let same = same.count();
    let most = wanted.prompt.len().saturating_sub(1);
    if cache.keeps_tokens {
        return same.min(most);
    }
    // All of it or nothing.
    if same == held.len() && same <= most {
        same
    } else {
        0
    }
}

/// An empty slot, or the one that was not used for longest.
fn emptiest<'a>(free: impl Iterator<Item = (usize, &'a View<'a>)>) -> Option<usize> {
    free.min_by_key(|(at, slot)| (!slot.held.is_empty(), slot.used, *at))
        .map(|(at, _)| at)
}

/// Which free slots must forget what they hold, longest unused first, so that all fit;
/// none do if that is not enough.
fn evict(slots: &[View<'_>], home: usize, wanted: &Wanted<'_>, cache: Cache) -> Option<Vec<usize>> {
    let others = || slots.iter().enumerate().filter(|&(at, _)| at != home);
    let mut cells = wanted.cells + others().map(|(_, slot)| slot.cells).sum::<usize>();
    let mut free: Vec<_> = others().filter(|(_, slot)| slot.is_free).collect();
    free.sort_by_key(|(at, slot)| (slot.used, *at));
    let mut evicted = Vec::new();
    for (at, slot) in free {
        if cells <= cache.cells {
            break;
        }
        if slot.cells > 0 {
            cells -= slot.cells;
            evicted.push(at);
        }
    }
    (cells <= cache.cells).then_some(evicted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHE: Cache = Cache {
        cells: 1_000,
        keeps_tokens: true,
    };

    fn free(held: &[Token], used: u64) -> View<'_> {
        View {
            held,
            coming: &[],
            key: None,
            is_free: true,
            cells: held.len(),
            used,
        }
    }

    fn busy<'a>(held: &'a [Token], coming: &'a [Token]) -> View<'a> {
        View {
            coming,
            is_free: false,
            cells: 100,
            ..free(held, 0)
        }
    }

    fn asked(prompt: &[Token]) -> Wanted<'_> {
        Wanted {
            prompt,
            key: None,
            cells: prompt.len() + 10,
        }
    }

    fn placed(slots: &[View<'_>], prompt: &[Token]) -> Place {
        place(slots, &asked(prompt), CACHE).unwrap()
    }

    #[test]
    fn a_conversation_goes_on_where_it_was() {
        let slots = [free(&[1, 2, 3, 4], 9), free(&[1, 2, 3], 5), free(&[], 0)];
        let found = placed(&slots, &[1, 2, 3, 4, 5]);
        assert_eq!((found.slot, found.keep, found.share), (0, 4, None));
        let again = placed(&slots, &[1, 2, 3, 4]);
        assert_eq!(
            (again.slot, again.keep),
            (0, 3),
            "one token is left to read"
        );
    }

    #[test]
    fn what_only_begins_alike_is_shared_and_stays() {
        let system: Vec<Token> = (0..10).collect();
        let other: Vec<Token> = (0..60).collect();
        let slots = [free(&other, 3), free(&[7; 20], 1), free(&[8; 20], 2)];
        let prompt = [system.as_slice(), &[99; 5]].concat();
        let found = placed(&slots, &prompt);
        assert_eq!(
            (found.slot, found.keep),
            (1, 0),
            "the longest unused gives way"
        );
        assert_eq!(found.share, Some((0, 10)));
    }

    #[test]
    fn a_beginning_that_is_being_read_is_waited_for() {
        let system: Vec<Token> = (0..100).collect();
        let reading = [system.as_slice(), &[1; 5]].concat();
        let slots = [busy(&reading[..8], &reading), free(&[], 0)];
        let found = placed(&slots, &[system.as_slice(), &[2; 5]].concat());
        assert_eq!(found.share, Some((0, 8)));
        assert_eq!(found.follow, Some((0, 100)));
    }

    #[test]
    fn adapters_share_nothing() {
        let with = View {
            key: Some((1, 0)),
            ..free(&[1, 2, 3], 0)
        };
        let found = placed(&[with, free(&[], 0)], &[1, 2, 3, 4]);
        assert_eq!((found.slot, found.keep, found.share), (1, 0, None));
    }

    #[test]
    fn without_room_others_forget_and_without_a_slot_one_waits() {
        let (first, second) = ([1; 500], [2; 400]);
        let slots = [free(&first, 1), free(&second, 2), free(&[], 0)];
        let wanted = Wanted {
            cells: 300,
            ..asked(&[3; 50])
        };
        let found = place(&slots, &wanted, CACHE).unwrap();
        assert_eq!((found.slot, found.evict), (2, vec![0]));
        let full = View {
            cells: 900,
            ..busy(&[], &[])
        };
        assert_eq!(place(&[full, free(&[], 0)], &wanted, CACHE), None);
        assert_eq!(place(&[full], &asked(&[1]), CACHE), None);
    }

    #[test]
    fn a_model_with_a_running_state_goes_on_at_its_end_or_starts_anew() {
        let cache = Cache {
            keeps_tokens: false,
            ..CACHE
        };
        let slots = [free(&[1, 2, 3], 1), free(&[], 0)];
        let on = place(&slots, &asked(&[1, 2, 3, 4]), cache).unwrap();
        assert_eq!((on.slot, on.keep), (0, 3));
        let anew = place(&slots, &asked(&[1, 2, 5]), cache).unwrap();
        assert_eq!((anew.slot, anew.keep, anew.share), (1, 0, None));
    }
}
