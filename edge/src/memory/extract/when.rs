//! Days told from the day of the saying: "tomorrow" becomes a date.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::memory::recall::time::WEEKDAYS;

const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august september october november december sept января февраля марта апреля мая июня июля августа сентября октября ноября декабря";
const OTHERS: &str = "today tonight tomorrow yesterday noon midnight morning evening afternoon next weekend week month christmas easter сегодня завтра послезавтра вчера понедельник вторник среду четверг пятницу субботу воскресенье";

/// Whether a text in lower case tells a time.
pub(super) fn is_time(text: &str) -> bool {
    let words = || {
        text.split(|c: char| !c.is_alphanumeric() && c != ':' && c != '-' && c != '/' && c != '.')
    };
    words().any(|word| {
        let word = word.trim_matches('.');
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let marked = word.contains([':', '-', '/', '.']) && digits >= 3;
        let hour = digits > 0 && (word.ends_with("am") || word.ends_with("pm"));
        let named = |list: &str| list.split(' ').any(|known| known == word);
        let weekday = WEEKDAYS
            .iter()
            .any(|(name, _)| word.trim_end_matches('s') == *name);
        marked || hour || weekday || named(MONTHS) || named(OTHERS)
    })
}

/// `text` with relative days as dates: on 2026-11-20, "tomorrow at 9" is "2026-11-21 at 9".
pub(super) fn absolute(text: &str, today: Date) -> String {
    let mut out: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match day(word, today) {
            Some(date) => {
                if out
                    .last()
                    .is_some_and(|last| ["next", "this", "on", "в", "во"].contains(&last.as_str()))
                {
                    out.pop();
                }
                out.push(date.to_string());
            }
            None => out.push(word.to_owned()),
        }
    }
    out.join(" ")
}

fn day(word: &str, today: Date) -> Option<Date> {
    let days: i64 = match word {
        "today" | "tonight" | "сегодня" => 0,
        "tomorrow" | "завтра" => 1,
        "yesterday" | "вчера" => -1,
        "послезавтра" => 2,
        _ => {
            let (_, weekday) = WEEKDAYS.iter().find(|(name, _)| *name == word)?;
            return today.nth_weekday(1, *weekday).ok();
        }
    };
    today.checked_add(days.days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn relative_days_become_dates() {
        let friday = date(2026, 11, 20);
        assert_eq!(absolute("tomorrow at 9", friday), "2026-11-21 at 9");
        assert_eq!(absolute("next friday", friday), "2026-11-27");
        assert_eq!(
            absolute("on monday at 10:30", friday),
            "2026-11-23 at 10:30"
        );
        assert_eq!(absolute("завтра в 9:00", friday), "2026-11-21 в 9:00");
        assert_eq!(absolute("3 may", friday), "3 may");
    }

    #[test]
    fn the_last_day_of_the_calendar_has_no_morrow() {
        assert_eq!(absolute("tomorrow", Date::MAX), "tomorrow");
    }

    #[test]
    fn times_are_told_from_other_values() {
        for time in [
            "3 may at 10:30",
            "tomorrow",
            "on mondays",
            "5pm",
            "2026-05-03",
            "3.5.2026",
            "12 мая",
        ] {
            assert!(is_time(time), "{time}");
        }
        for other in ["blue", "under the pot", "4711", "a disaster"] {
            assert!(!is_time(other), "{other}");
        }
    }
}
