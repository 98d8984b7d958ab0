//! When what is due: pure functions of a rule, the facts about a version, and the length of a day. Whoever follows the rules
//! and whoever only tells of them ask the same functions.

use std::sync::Arc;

use super::rule::{Expiration, Filter, Lifecycle, LifecycleRule, NoncurrentExpiration};
use crate::clock::Millis;

/// The id of the rule that a bucket's own setting comes to.
pub const SETTING_RULE: &str = "lifecycleTtlDays";

/// What rules go by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The key.
    pub key: &'a str,
    /// Length in bytes.
    pub size: u64,
    /// Tags.
    pub tags: &'a [(String, String)],
}

/// When something comes to its end, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// From when on.
    pub at_ms: Millis,
    /// The rule's id.
    pub rule: String,
}

/// All rules that hold for a bucket: those of its document, and the days that are set on it.
#[derive(Debug, Default, Clone)]
pub struct Rules {
    /// The document.
    pub document: Option<Arc<Lifecycle>>,
    /// Days after which its objects expire.
    pub ttl_days: Option<u16>,
    /// How long a day is.
    pub day_ms: u64,
}

impl Rules {
    /// Whether there is none, so that nothing need be asked.
    pub fn is_empty(&self) -> bool {
        self.document.is_none() && self.ttl_days.is_none()
    }

    /// When a current version expires that was written then.
    pub fn current(&self, facts: &Facts<'_>, written_ms: Millis) -> Option<Due> {
        let of_setting = self.ttl_days.map(|days| self.due(written_ms, u32::from(days), SETTING_RULE));
        let of_rules = self.matching(|filter| filter.matches(facts)).filter_map(|rule| self.expiry(rule, written_ms));
        earliest(of_rules.chain(of_setting))
    }

    /// When a delete marker is removed that was made then and has no version behind it. A marker has no tags and no size, so
    /// rules that ask for these pass it over.
    pub fn lone_marker(&self, key: &str, made_ms: Millis) -> Option<Due> {
        let of_setting = self.ttl_days.map(|days| self.due(made_ms, u32::from(days), SETTING_RULE));
        let of_rules = self.matching(|filter| filter.matches_key(key)).filter_map(|rule| match rule.expiration {
            Some(Expiration::DeleteMarker(true)) => Some(Due { at_ms: made_ms, rule: rule.id.clone() }),
            _ => self.expiry(rule, made_ms),
        });
        earliest(of_rules.chain(of_setting))
    }

    /// When a version is removed that another took the place of then. `newer` are the versions of the key that are not
    /// current and newer than it.
    pub fn noncurrent(&self, facts: &Facts<'_>, since_ms: Millis, newer: u32) -> Option<Due> {
        let rules = self.matching(|filter| filter.matches(facts));
        earliest(rules.filter_map(|rule| match rule.noncurrent {
            Some(NoncurrentExpiration { days, newer_kept }) if newer >= newer_kept.unwrap_or_default() => {
                Some(self.due(since_ms, days, &rule.id))
            }
            _ => None,
        }))
    }

    /// When an upload is aborted that began then.
    pub fn upload(&self, key: &str, begun_ms: Millis) -> Option<Due> {
        let rules = self.matching(|filter| filter.matches_key(key));
        earliest(rules.filter_map(|rule| rule.abort_days.map(|days| self.due(begun_ms, days, &rule.id))))
    }

    fn matching(&self, matches: impl Fn(&Filter) -> bool) -> impl Iterator<Item = &LifecycleRule> {
        let rules = self.document.iter().flat_map(|document| &document.rules);
        rules.filter(move |rule| rule.enabled && matches(&rule.filter))
    }

    fn expiry(&self, rule: &LifecycleRule, written_ms: Millis) -> Option<Due> {
        match rule.expiration? {
            Expiration::Days(days) => Some(self.due(written_ms, days, &rule.id)),
            Expiration::Date(at_ms) => Some(Due { at_ms, rule: rule.id.clone() }),
            Expiration::DeleteMarker(_) => None,
        }
    }

    /// So many days later, and then the next midnight (S3: "Lifecycle rules: based on an object's age").
    fn due(&self, from_ms: Millis, days: u32, rule: &str) -> Due {
        let day = self.day_ms.max(1);
        let at_ms = from_ms.saturating_add(u64::from(days).saturating_mul(day)).div_ceil(day).saturating_mul(day);
        Due { at_ms, rule: rule.to_owned() }
    }
}

impl Filter {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        self.has_prefix_of(facts.key)
            && self.tags.iter().all(|tag| facts.tags.contains(tag))
            && self.larger_than.is_none_or(|bytes| facts.size > bytes)
            && self.smaller_than.is_none_or(|bytes| facts.size < bytes)
    }

    /// The same where there is nothing but a key.
    fn matches_key(&self, key: &str) -> bool {
        self.has_prefix_of(key) && self.tags.is_empty() && self.larger_than.is_none() && self.smaller_than.is_none()
    }

    fn has_prefix_of(&self, key: &str) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
    }
}

/// The first of those that are earliest.
fn earliest(all: impl Iterator<Item = Due>) -> Option<Due> {
    all.reduce(|first, next| if next.at_ms < first.at_ms { next } else { first })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rule::FilterForm;
    use super::*;

    const DAY: u64 = 86_400_000;

    fn rule(id: &str, expiration: Option<Expiration>) -> LifecycleRule {
        LifecycleRule {
            id: id.to_owned(),
            enabled: true,
            filter: Filter::default(),
            expiration,
            noncurrent: None,
            abort_days: None,
        }
    }

    fn rules(rules: Vec<LifecycleRule>) -> Rules {
        Rules { document: Some(Arc::new(Lifecycle { rules })), ttl_days: None, day_ms: DAY }
    }

    fn facts<'a>(key: &'a str, size: u64, tags: &'a [(String, String)]) -> Facts<'a> {
        Facts { key, size, tags }
    }

    fn at(due: Option<Due>) -> Option<(Millis, String)> {
        due.map(|due| (due.at_ms, due.rule))
    }

    #[test]
    fn days_are_counted_from_the_write_and_end_at_midnight() {
        let rules = rules(vec![rule("r", Some(Expiration::Days(3)))]);
        let due = |written| rules.current(&facts("k", 0, &[]), written).unwrap().at_ms;
        assert_eq!(due(10 * DAY + 1), 14 * DAY);
        assert_eq!(due(11 * DAY - 1), 14 * DAY);
        assert_eq!(due(10 * DAY), 13 * DAY);
    }

    #[test]
    fn the_earliest_rule_that_is_followed_counts() {
        let off = LifecycleRule { enabled: false, ..rule("off", Some(Expiration::Days(1))) };
        let some = vec![off, rule("late", Some(Expiration::Days(5))), rule("date", Some(Expiration::Date(4 * DAY)))];
        let both = rules(some);
        assert_eq!(at(both.current(&facts("k", 0, &[]), 1)), Some((4 * DAY, "date".into())));
        let with_setting = Rules { ttl_days: Some(1), ..both.clone() };
        assert_eq!(at(with_setting.current(&facts("k", 0, &[]), 1)), Some((2 * DAY, SETTING_RULE.into())));
        let setting = Rules { document: None, ..with_setting };
        assert_eq!(at(setting.current(&facts("k", 0, &[]), 1)), Some((2 * DAY, SETTING_RULE.into())));
        assert!(!setting.is_empty() && Rules::default().is_empty());
        assert_eq!(Rules::default().current(&facts("k", 0, &[]), 1), None);
    }

    #[test]
    fn a_filter_asks_for_all_that_it_names() {
        let tag = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let filter = Filter {
            form: FilterForm::And,
            prefix: Some("a/".into()),
            tags: vec![tag("t", "1")],
            larger_than: Some(10),
            smaller_than: Some(20),
        };
        let tags = [tag("s", "2"), tag("t", "1")];
        assert!(filter.matches(&facts("a/b", 11, &tags)) && filter.matches(&facts("a/b", 19, &tags)));
        assert!(!filter.matches(&facts("b/a/", 11, &tags)));
        assert!(!filter.matches(&facts("a/b", 10, &tags)) && !filter.matches(&facts("a/b", 20, &tags)));
        assert!(!filter.matches(&facts("a/b", 11, &[tag("t", "2")])) && !filter.matches(&facts("a/b", 11, &[])));
        assert!(!filter.matches_key("a/b"), "there is more to ask than the key");
        assert!(Filter::default().matches(&facts("", 0, &[])) && Filter::default().matches_key("x"));
    }

    #[test]
    fn the_newest_versions_are_kept_and_age_counts_from_when_they_were_replaced() {
        let noncurrent = |newer_kept| LifecycleRule {
            noncurrent: Some(NoncurrentExpiration { days: 2, newer_kept }),
            ..rule("n", None)
        };
        let all = rules(vec![noncurrent(None)]);
        assert_eq!(at(all.noncurrent(&facts("k", 0, &[]), 1, 0)), Some((3 * DAY, "n".into())));
        let some = rules(vec![noncurrent(Some(2))]);
        let due = |newer| some.noncurrent(&facts("k", 0, &[]), 1, newer).is_some();
        assert_eq!([due(0), due(1), due(2), due(3)], [false, false, true, true]);
        assert_eq!(some.current(&facts("k", 0, &[]), 1), None);
    }

    #[test]
    fn a_lone_marker_goes_at_once_or_by_its_age() {
        let at_once = rules(vec![rule("m", Some(Expiration::DeleteMarker(true)))]);
        assert_eq!(at(at_once.lone_marker("k", 5)), Some((5, "m".into())));
        assert_eq!(at_once.current(&facts("k", 0, &[]), 5), None, "an object is not a marker");
        let never = rules(vec![rule("m", Some(Expiration::DeleteMarker(false)))]);
        assert_eq!(never.lone_marker("k", 5), None);
        let aged = rules(vec![rule("m", Some(Expiration::Days(1)))]);
        assert_eq!(at(aged.lone_marker("k", 5)), Some((2 * DAY, "m".into())));
    }

    #[test]
    fn an_upload_is_aborted_by_its_own_rule() {
        let abort = LifecycleRule { abort_days: Some(7), ..rule("u", None) };
        let only = LifecycleRule { filter: Filter { prefix: Some("x".into()), ..Filter::default() }, ..abort };
        let rules = rules(vec![only, rule("e", Some(Expiration::Days(1)))]);
        assert_eq!(at(rules.upload("xy", 1)), Some((8 * DAY, "u".into())));
        assert_eq!(rules.upload("yx", 1), None);
    }

    proptest! {
        #[test]
        fn nothing_is_due_before_its_days_are_over(written in 0..1_000 * DAY, days in 1..400_u32, day in 1..2 * DAY) {
            let rules = Rules { day_ms: day, ..rules(vec![rule("r", Some(Expiration::Days(days)))]) };
            let due = rules.current(&facts("k", 1, &[]), written).unwrap().at_ms;
            let age = due - written;
            prop_assert!(age >= u64::from(days) * day && age < (u64::from(days) + 1) * day);
            prop_assert_eq!(due % day, 0);
        }

        #[test]
        fn a_rule_more_never_makes_anything_later(written in 0..100 * DAY, days in prop::collection::vec(1..50_u32, 1..5)) {
            let all: Vec<_> = days.iter().map(|days| rule("r", Some(Expiration::Days(*days)))).collect();
            let fewer = rules(all[1..].to_vec()).current(&facts("k", 1, &[]), written);
            let more = rules(all).current(&facts("k", 1, &[]), written).unwrap();
            prop_assert!(fewer.is_none_or(|fewer| more.at_ms <= fewer.at_ms));
        }
    }
}
