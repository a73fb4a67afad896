//! Card numbers: an issuer's prefix, its length, and the Luhn check digit.

use super::scan::{Hit, RANK_TOKEN};
use super::shape::before;

/// Fewest and most digits of a card's number.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Adds every card number in `bytes`.
pub(super) fn find(bytes: &[u8], hits: &mut Vec<Hit<'static>>) {
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (digits, end) = number(bytes, at);
        if stands_alone(bytes, at, end) && is_card(&digits) {
            hits.push(Hit::new(at..end, RANK_TOKEN, "card-number"));
        }
        at = end;
    }
}

/// The digits of the number at `at`, groups joined by one kind of separator, and its end.
fn number(bytes: &[u8], at: usize) -> (Vec<u8>, usize) {
    let mut digits = Vec::new();
    let mut groups = Vec::new();
    let mut separator = None;
    let mut end = at;
    loop {
        let from = end;
        while let Some(byte) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
            digits.push(byte - b'0');
            end += 1;
        }
        groups.push(end - from);
        let mark = bytes.get(end).copied().filter(|mark| b" -".contains(mark));
        let goes_on = bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
            && mark.is_some()
            && separator.is_none_or(|used| Some(used) == mark)
            && groups.len() < 5
            && digits.len() < *DIGITS.end();
        if !goes_on {
            break;
        }
        separator = mark;
        end += 1;
    }
    let printed = matches!(
        groups[..],
        [_] | [4, 4, 4, 4] | [4, 4, 4, 4, 3] | [4, 6, 5] | [4, 6, 4] | [4, 4, 5]
    );
    if !printed {
        digits.clear();
    }
    (digits, end)
}

/// Not a part of a name, a path, a fraction or a longer number.
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let joined = |mark: u8, beyond: Option<u8>| {
        b".,-/+".contains(&mark) && beyond.is_some_and(|byte| byte.is_ascii_alphanumeric())
    };
    let free_before = before(bytes, start).is_none_or(|mark| {
        !is_word(mark) && mark != b'/' && !joined(mark, before(bytes, start - 1))
    });
    let free_after = bytes
        .get(end)
        .is_none_or(|mark| !is_word(*mark) && !joined(*mark, bytes.get(end + 1).copied()));
    free_before && free_after
}

fn is_card(digits: &[u8]) -> bool {
    DIGITS.contains(&digits.len())
        && is_issued(digits)
        && passes_luhn(digits)
        && digits.iter().any(|digit| *digit != digits[0])
}

/// Whether an issuer hands out numbers of this prefix and length (ISO/IEC 7812).
fn is_issued(digits: &[u8]) -> bool {
    let prefix = digits[..4]
        .iter()
        .fold(0, |n, digit| n * 10 + u32::from(*digit));
    match prefix {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        2221..=2720 | 5100..=5599 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => digits.len() == 14,
        3528..=3589 => digits.len() >= 16,
        5000..=5099 | 5600..=5899 | 6000..=6999 => digits.len() >= 16,
        2200..=2204 => digits.len() >= 16,
        _ => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}
