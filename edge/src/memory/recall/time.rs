//! Times that a question names: "yesterday", "last week", "on 8 May 2023", "в мае".
//!
//! Only the past: what is remembered was said before. A month without a year is the
//! latest that has begun. "May" and "march" are months only where the words beside them
//! say so.
//!
//! Units: spans are half open, days are those of the owner's time zone.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use shared::clock::Timestamp;
use unicode_segmentation::UnicodeSegmentation;

const MONTHS: [(&str, &str); 12] = [
    ("january", "январ"),
    ("february", "феврал"),
    ("march", "март"),
    ("april", "апрел"),
    ("may", "ма"),
    ("june", "июн"),
    ("july", "июл"),
    ("august", "август"),
    ("september", "сентябр"),
    ("october", "октябр"),
    ("november", "ноябр"),
    ("december", "декабр"),
];
/// The days of the week, by their names in lower case.
pub(in crate::memory) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const NUMBERS: [&str; 10] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];
/// Years that a lone number can mean.
const YEARS: std::ops::Range<i16> = 1900..2100;

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Span {
    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }

    /// 1 in the span, 0.5 so long after it, else 0.
    #[must_use]
    pub fn fit(&self, at: Timestamp, afterwards_ms: i64) -> f32 {
        if self.contains(at) {
            1.0
        } else if self.until <= at && at < self.until.plus_millis(afterwards_ms) {
            0.5
        } else {
            0.0
        }
    }
}

/// A time found in a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The time.
    pub span: Span,
    /// The lower-case words that name it from today ("yesterday"): what was said then
    /// does not hold them.
    pub relative: Vec<String>,
}

/// Finds the first time that a question names.
#[must_use]
pub fn named(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Named> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.unicode_words().collect();
    let today = now.date(zone);
    let (first, days, relative) = (0..words.len()).find_map(|at| {
        relative(&words, at, today)
            .map(|(range, used)| (range, used, true))
            .or_else(|| absolute(&words, at, today).map(|range| (range, 0, false)))
            .map(|(range, used, is)| (at, range, if is { used } else { 0 }))
    })?;
    let relative = words[first..first + relative]
        .iter()
        .map(|w| (*w).to_owned());
    Some(Named {
        span: Span {
            since: start(days.0, zone)?,
            until: start(days.1.tomorrow().ok()?, zone)?,
        },
        relative: relative.collect(),
    })
}

/// First and last day.
type Days = (Date, Date);

fn start(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = day.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// A time told from today that begins at word `at`, and how many words it has.
fn relative(words: &[&str], at: usize, today: Date) -> Option<(Days, usize)> {
    let word = |step: usize| words.get(at + step).copied().unwrap_or_default();
    let day = |ago: i64| today.checked_sub(ago.days()).ok().map(|day| (day, day));
    match (word(0), word(1)) {
        ("today" | "tonight" | "сегодня", _) => Some((day(0)?, 1)),
        ("this", "morning" | "afternoon" | "evening") => Some((day(0)?, 2)),
        ("yesterday" | "вчера", _) => Some((day(1)?, 1)),
        ("last", "night") => Some((day(1)?, 2)),
        ("позавчера", _) => Some((day(2)?, 1)),
        ("last" | "прошлой" | "прошлом" | "прошлый", unit) => {
            Some((last(unit, today)?, 2))
        }
        ("this" | "этой" | "этом", unit) => Some((this(unit, today)?, 2)),
        (count, unit) if word(2) == "ago" => Some((ago(count, unit, today)?, 3)),
        _ => None,
    }
}

fn last(unit: &str, today: Date) -> Option<Days> {
    let weekday = WEEKDAYS.iter().find(|(name, _)| *name == unit);
    match unit {
        "week" | "неделе" => week(today.checked_sub(1.week()).ok()?),
        "weekend" => {
            let saturday = today.nth_weekday(-1, Weekday::Saturday).ok()?;
            Some((saturday, saturday.tomorrow().ok()?))
        }
        "month" | "месяце" => Some(month(today.checked_sub(1.month()).ok()?)),
        "year" | "году" => Some(year(today.checked_sub(1.year()).ok()?)),
        _ => {
            let day = today.nth_weekday(-1, weekday?.1).ok()?;
            Some((day, day))
        }
    }
}

fn this(unit: &str, today: Date) -> Option<Days> {
    match unit {
        "week" | "неделе" => week(today),
        "month" | "месяце" => Some(month(today)),
        "year" | "году" => Some(year(today)),
        _ => None,
    }
}

/// "3 weeks ago": that day, give or take half a unit.
fn ago(count: &str, unit: &str, today: Date) -> Option<Days> {
    let count = match count {
        "a" | "an" => 1,
        "couple" => 2,
        "few" => 3,
        word => NUMBERS
            .iter()
            .position(|name| *name == word)
            .map_or_else(|| word.parse::<i64>().ok(), |at| Some(at as i64 + 1))?,
    };
    let unit_days = match unit.trim_end_matches('s') {
        "day" => 1,
        "week" => 7,
        "month" => 30,
        "year" => 365,
        _ => return None,
    };
    let ago = unit_days * count.clamp(0, 1_000);
    let first = today.checked_sub((ago + unit_days / 2).days()).ok()?;
    Some((first, today.checked_sub((ago - unit_days / 2).days()).ok()?))
}

/// A calendar date, month or year that begins at word `at`.
fn absolute(words: &[&str], at: usize, today: Date) -> Option<Days> {
    let year_at = |at: usize| number_at(words, at).filter(|y| YEARS.contains(y));
    let day_at = |at: usize| number_at(words, at).filter(|d| (1..=31).contains(d));
    if let (Some(y), Some(m), Some(d)) = (year_at(at), day_at(at + 1), day_at(at + 2)) {
        let day = Date::new(y, i8::try_from(m).ok()?, i8::try_from(d).ok()?).ok()?;
        return Some((day, day));
    }
    if let Some(y) = year_at(at) {
        let introduced = at > 0 && matches!(words[at - 1], "in" | "of" | "since" | "during" | "в");
        return introduced
            .then(|| Date::new(y, 1, 1).ok().map(year))
            .flatten();
    }
    let m = month_at(words, at)?;
    let after = if words.get(at + 1) == Some(&"of") {
        at + 2
    } else {
        at + 1
    };
    let before = if at > 1 && words[at - 1] == "of" {
        at - 2
    } else {
        at.wrapping_sub(1)
    };
    let (d, y) = match (day_at(before), day_at(after)) {
        (Some(d), _) => (Some(d), year_at(after)),
        (None, Some(d)) => (Some(d), year_at(after + 1)),
        (None, None) => (None, year_at(after)),
    };
    dated(y, m, d, today)
}

fn dated(y: Option<i16>, m: i8, d: Option<i16>, today: Date) -> Option<Days> {
    let day = d.map_or(Some(1), |d| i8::try_from(d).ok())?;
    let this_year = Date::new(y.unwrap_or(today.year()), m, day).ok()?;
    let date = if y.is_none() && this_year > today {
        this_year.checked_sub(1.year()).ok()?
    } else {
        this_year
    };
    Some(if d.is_some() {
        (date, date)
    } else {
        month(date)
    })
}

/// The month named at a word; "may" and "march" need a word beside them that says so.
fn month_at(words: &[&str], at: usize) -> Option<i8> {
    let word = *words.get(at)?;
    let found = MONTHS.iter().position(|(english, russian)| {
        word == *english
            || (english.len() > 4 && word.len() == 3 && english.starts_with(word))
            || word.strip_prefix(russian).is_some_and(|end| {
                matches!(end, "ь" | "я" | "е" | "а" | "й" | "") && word.chars().count() > 2
            })
    })?;
    let dated = |at: usize| {
        number_at(words, at).is_some_and(|n| (1..=31).contains(&n) || YEARS.contains(&n))
    };
    let introduced = at > 0
        && matches!(
            words[at - 1],
            "in" | "on" | "of" | "since" | "last" | "during" | "until" | "by" | "before" | "after"
        );
    let plain = !matches!(word, "may" | "march" | "mar" | "dec" | "sun");
    let month = i8::try_from(found + 1).ok()?;
    (plain || introduced || dated(at + 1) || (at > 0 && dated(at - 1))).then_some(month)
}

/// "8", "8th" or "2023" as a number.
fn number_at(words: &[&str], at: usize) -> Option<i16> {
    let word = words.get(at)?;
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| word.strip_suffix(end))
        .unwrap_or(word);
    digits.parse().ok()
}

fn week(day: Date) -> Option<Days> {
    let since_monday = i64::from(day.weekday().to_monday_zero_offset());
    let monday = day.checked_sub(since_monday.days()).ok()?;
    Some((monday, monday.checked_add(6.days()).ok()?))
}

fn month(day: Date) -> Days {
    (day.first_of_month(), day.last_of_month())
}

fn year(day: Date) -> Days {
    (day.first_of_year(), day.last_of_year())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    /// Friday, 20 November 2026, noon.
    fn now() -> Timestamp {
        let day = date(2026, 11, 20).at(12, 0, 0, 0);
        let zoned = day.to_zoned(TimeZone::UTC).unwrap();
        Timestamp::from_millis(zoned.timestamp().as_millisecond())
    }

    /// First and last day named.
    fn days(text: &str) -> Option<(String, String)> {
        let span = named(text, now(), &TimeZone::UTC)?.span;
        let last = span.until.plus_millis(-1);
        let day = |at: Timestamp| at.date(&TimeZone::UTC).to_string();
        Some((day(span.since), day(last)))
    }

    fn range(first: &str, last: &str) -> Option<(String, String)> {
        Some((first.into(), last.into()))
    }

    #[test]
    fn times_are_told_from_today() {
        assert_eq!(
            days("what did I do yesterday?"),
            range("2026-11-19", "2026-11-19")
        );
        assert_eq!(
            days("where was I last week"),
            range("2026-11-09", "2026-11-15")
        );
        assert_eq!(days("last weekend?"), range("2026-11-14", "2026-11-15"));
        assert_eq!(
            days("what happened last Friday"),
            range("2026-11-13", "2026-11-13")
        );
        assert_eq!(days("two weeks ago"), range("2026-11-03", "2026-11-09"));
        assert_eq!(days("что было вчера"), range("2026-11-19", "2026-11-19"));
        assert_eq!(days("last month"), range("2026-10-01", "2026-10-31"));
    }

    #[test]
    fn calendar_dates_are_read_in_every_order() {
        for text in [
            "on 8 May, 2023",
            "May 8th 2023",
            "the 8th of May 2023",
            "2023-05-08",
        ] {
            assert_eq!(days(text), range("2023-05-08", "2023-05-08"), "{text}");
        }
        assert_eq!(days("in May 2023"), range("2023-05-01", "2023-05-31"));
        assert_eq!(days("in 2023"), range("2023-01-01", "2023-12-31"));
        assert_eq!(days("5 мая 2023"), range("2023-05-05", "2023-05-05"));
    }

    #[test]
    fn a_month_without_a_year_is_the_latest_that_has_begun() {
        assert_eq!(days("in August"), range("2026-08-01", "2026-08-31"));
        assert_eq!(days("in December"), range("2025-12-01", "2025-12-31"));
        assert_eq!(days("on 30 November"), range("2025-11-30", "2025-11-30"));
    }

    #[test]
    fn verbs_and_plain_numbers_name_no_time() {
        for text in [
            "what may I eat?",
            "did they march home",
            "code 2023",
            "my sun hat",
            "may 32",
            "a dozen eggs",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }

    #[test]
    fn only_words_told_from_today_are_relative() {
        let words = |text| named(text, now(), &TimeZone::UTC).unwrap().relative;
        assert_eq!(words("who came three days ago"), ["three", "days", "ago"]);
        assert_eq!(words("who came in May"), Vec::<String>::new());
    }

    #[test]
    fn what_was_said_soon_after_fits_half() {
        let span = named("yesterday", now(), &TimeZone::UTC).unwrap().span;
        assert!((span.fit(span.since, 1_000) - 1.0).abs() < f32::EPSILON);
        assert!((span.fit(span.until, 1_000) - 0.5).abs() < f32::EPSILON);
        assert!(span.fit(span.until.plus_millis(1_000), 1_000).abs() < f32::EPSILON);
    }

    proptest! {
        #[test]
        fn any_words_name_an_ordered_span_or_none(
            words in prop::collection::vec(prop::sample::select(vec![
                "last", "this", "week", "may", "of", "31", "2024", "ago", "9999", "february", "on",
            ]), 0..6),
        ) {
            if let Some(found) = named(&words.join(" "), now(), &TimeZone::UTC) {
                prop_assert!(found.span.since < found.span.until);
            }
        }
    }
}
