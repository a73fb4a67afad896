//! The filters by kind, time and source that commands share.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use shared::clock::Timestamp;

use crate::cli::App;
use crate::cli::failure::Failure;
use crate::memory::episode::Source;
use crate::memory::query::Filter;
use crate::memory::record::Kind;

/// Which memories to look at.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Only memories of this kind
    #[arg(long)]
    kind: Option<Kind>,
    /// Only what was said since this day, instant or so long ago (`2026-03-12`, `3 days`)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what was said until this day (included), instant or so long ago
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what came from here
    #[arg(long)]
    source: Option<Source>,
    /// Leave out what is sensitive
    #[arg(long)]
    no_sensitive: bool,
    /// Show what was replaced by something newer, too
    #[arg(long)]
    superseded: bool,
}

impl Args {
    pub(super) fn filter(&self, app: &App) -> Result<Filter, Failure> {
        let (zone, now) = (app.zone(), app.now());
        let when = |text: &Option<String>, edge| {
            let text = text.as_deref();
            text.map(|text| instant(text, edge, &zone, now)).transpose()
        };
        Ok(Filter {
            kind: self.kind,
            since: when(&self.since, Edge::Begin)?,
            until: when(&self.until, Edge::End)?,
            source: self.source,
            role: None,
            include_sensitive: !self.no_sensitive,
            include_superseded: self.superseded,
        })
    }
}

/// Which end of a day is meant by the day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begin,
    End,
}

/// Reads a day, an instant (RFC 3339) or a span before `now`.
fn instant(text: &str, edge: Edge, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, Failure> {
    let not_a_time = || Failure::NotATime {
        text: text.to_owned(),
    };
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(at.as_millisecond()));
    }
    let at = if let Ok(day) = text.parse::<Date>() {
        let day = match edge {
            Edge::Begin => Ok(day),
            Edge::End => day.checked_add(1.day()),
        };
        day.and_then(|day| day.to_zoned(zone.clone()))
    } else {
        let span: Span = text.parse().map_err(|_| not_a_time())?;
        now.zoned(zone).checked_sub(span.abs())
    };
    at.map(|at| Timestamp::from_millis(at.timestamp().as_millisecond()))
        .map_err(|_| not_a_time())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_774_000_000_000); // 2026-03-20T09:46:40Z

    fn at(text: &str, edge: Edge) -> Option<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        instant(text, edge, &zone, NOW)
            .ok()
            .map(|at| at.to_string())
    }

    #[test]
    fn a_day_is_whole_in_the_owners_zone() {
        let begin = at("2026-03-12", Edge::Begin);
        assert_eq!(begin.as_deref(), Some("2026-03-11T23:00:00Z"));
        let end = at("2026-03-12", Edge::End);
        assert_eq!(end.as_deref(), Some("2026-03-12T23:00:00Z"));
    }

    #[test]
    fn a_span_counts_back_from_now() {
        for text in ["2 days", "2d", "48h"] {
            let since = at(text, Edge::Begin);
            assert_eq!(since.as_deref(), Some("2026-03-18T09:46:40Z"), "{text}");
        }
    }

    #[test]
    fn an_instant_is_taken_as_it_is() {
        let instant = at("2026-03-12T08:00:00+02:00", Edge::End);
        assert_eq!(instant.as_deref(), Some("2026-03-12T06:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday-ish", "2026-13-01", "9999999999999 years"] {
            assert_eq!(at(text, Edge::Begin), None, "{text}");
        }
    }
}
