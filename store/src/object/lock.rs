//! What keeps a version from being deleted: a retention until some time, and a legal hold (S3: "Locking objects with Object
//! Lock"). The rules are pure; the one place that asks them is `version::remove_version`, which every deletion goes through.

use serde::{Deserialize, Serialize};

use crate::acl::Acl;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::tag::check_object_tags;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// The longest default retention, in days (S3: 100 years).
const DAYS_MAX: u32 = 36_500;
/// The same in years.
const YEARS_MAX: u32 = 100;

/// How firmly a retention holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LockMode {
    /// Those who have the right may pass over it.
    Governance,
    /// Nobody may, until its time has come.
    Compliance,
}

impl LockMode {
    /// Its name in the S3 API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| mode.name() == name)
    }
}

/// A version is kept until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How firmly.
    pub mode: LockMode,
    /// Until when.
    pub until_ms: Millis,
}

impl Retention {
    /// Whether one retention may take the place of another: what is in force is only made longer and firmer, unless a
    /// governance retention is passed over. `AccessDenied`.
    pub(crate) fn may_become(current: Option<Self>, next: Option<Self>, now: Millis, bypass: bool) -> Result<()> {
        let Some(current) = current.filter(|current| current.until_ms > now) else { return Ok(()) };
        let longer = next.is_some_and(|next| {
            let firm_enough = current.mode == LockMode::Governance || next.mode == LockMode::Compliance;
            next.until_ms >= current.until_ms && firm_enough
        });
        if longer || (bypass && current.mode == LockMode::Governance) { Ok(()) } else { Err(locked()) }
    }
}

/// For how long a bucket keeps new versions that say nothing themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// So many days.
    Days(u32),
    /// So many years of 365 days.
    Years(u32),
}

/// What new versions of a bucket are locked with when they say nothing themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// How firmly.
    pub mode: LockMode,
    /// For how long.
    pub period: Period,
}

impl DefaultRetention {
    /// `InvalidArgument` outside of 1 day to 100 years.
    pub fn check(&self) -> Result<()> {
        let fits = match self.period {
            Period::Days(days) => (1..=DAYS_MAX).contains(&days),
            Period::Years(years) => (1..=YEARS_MAX).contains(&years),
        };
        let message = "Default retention period must be a positive integer value of at most 36500 days or 100 years.";
        if fits { Ok(()) } else { Err(Error::new(ErrorKind::InvalidRetentionPeriod, message)) }
    }

    fn from(self, now: Millis) -> Retention {
        let days = match self.period {
            Period::Days(days) => u64::from(days),
            Period::Years(years) => u64::from(years) * 365,
        };
        Retention { mode: self.mode, until_ms: now.saturating_add(days.saturating_mul(DAY_MS)) }
    }
}

/// A bucket whose versions can be locked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLock {
    /// What new versions are locked with when they say nothing themselves.
    pub default: Option<DefaultRetention>,
}

/// What a client says about a version beside its bytes and its metadata.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Until when it is kept.
    pub retention: Option<Retention>,
    /// Whether a legal hold is on; `None` if that was never said.
    pub legal_hold: Option<bool>,
    /// Its access control list; `None` is that of a private object of the bucket's owner.
    pub acl: Option<Acl>,
}

impl Extras {
    /// Fails if a version with these may not be put into a bucket: `InvalidRequest` for a lock where there is none,
    /// `InvalidArgument` for a retention that has ended, `InvalidTag` and `TooManyTags`.
    pub(crate) fn check(&self, lock: Option<ObjectLock>, now: Millis) -> Result<()> {
        check_object_tags(&self.tags)?;
        if lock.is_none() && (self.retention.is_some() || self.legal_hold.is_some()) {
            return Err(without_lock());
        }
        match self.retention {
            Some(retention) if retention.until_ms <= now => {
                Err(Error::new(ErrorKind::InvalidArgument, "The retain until date must be in the future!"))
            }
            _ => Ok(()),
        }
    }

    /// The same with the bucket's default in the place of a retention that is not said.
    #[must_use]
    pub(crate) fn or_default(self, lock: Option<ObjectLock>, now: Millis) -> Self {
        let default = lock.and_then(|lock| lock.default).map(|default| default.from(now));
        Self { retention: self.retention.or(default), ..self }
    }

    /// `AccessDenied` if a version with these must not be deleted now. `bypass` passes over a governance retention.
    pub(crate) fn check_deletion(&self, now: Millis, bypass: bool) -> Result<()> {
        if self.legal_hold == Some(true) {
            return Err(locked());
        }
        Retention::may_become(self.retention, None, now, bypass)
    }
}

/// The one wording of a request about locks in a bucket that has none.
pub(crate) fn without_lock() -> Error {
    Error::new(ErrorKind::InvalidRequest, "Bucket is missing Object Lock Configuration")
}

fn locked() -> Error {
    Error::new(ErrorKind::AccessDenied, "Access Denied because object protected by object lock.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_000;

    fn until(mode: LockMode, until_ms: Millis) -> Option<Retention> {
        Some(Retention { mode, until_ms })
    }

    #[test]
    fn what_is_in_force_is_only_made_longer_and_firmer() {
        use LockMode::{Compliance, Governance};
        let may = |current, next, bypass| Retention::may_become(current, next, NOW, bypass).is_ok();
        for bypass in [false, true] {
            assert!(may(None, until(Governance, 5_000), bypass));
            assert!(may(None, None, bypass));
            assert!(may(until(Governance, 5_000), until(Governance, 5_000), bypass));
            assert!(may(until(Governance, 5_000), until(Compliance, 6_000), bypass));
            assert!(may(until(Compliance, 5_000), until(Compliance, 6_000), bypass));
            assert!(may(until(Compliance, NOW), None, bypass), "its time has come");
            for next in [None, until(Compliance, 4_999), until(Governance, 6_000), until(Governance, 4_000)] {
                assert!(!may(until(Compliance, 5_000), next, bypass), "{next:?}");
            }
            for next in [None, until(Governance, 4_999), until(Compliance, 4_999)] {
                assert_eq!(may(until(Governance, 5_000), next, bypass), bypass, "{next:?}");
            }
        }
    }

    #[test]
    fn a_hold_and_a_retention_each_keep_a_version() {
        let check = |extras: &Extras, bypass| extras.check_deletion(NOW, bypass).map_err(|error| error.kind());
        let free = Extras::default();
        let held = Extras { legal_hold: Some(true), ..free.clone() };
        let released = Extras { legal_hold: Some(false), ..free.clone() };
        let governed = Extras { retention: until(LockMode::Governance, 2_000), ..free.clone() };
        let kept = Extras { retention: until(LockMode::Compliance, 2_000), ..free.clone() };
        let both = Extras { legal_hold: Some(true), ..governed.clone() };
        assert_eq!((check(&free, false), check(&released, false)), (Ok(()), Ok(())));
        for (extras, passed_over) in [(held, false), (governed, true), (kept, false), (both, false)] {
            assert_eq!(check(&extras, false), Err(ErrorKind::AccessDenied), "{extras:?}");
            assert_eq!(check(&extras, true).is_ok(), passed_over, "{extras:?}");
        }
    }

    #[test]
    fn a_bucket_s_default_is_for_those_who_say_nothing() {
        let default = DefaultRetention { mode: LockMode::Governance, period: Period::Days(2) };
        let lock = Some(ObjectLock { default: Some(default) });
        let said = Extras { retention: until(LockMode::Compliance, 2_000), ..Extras::default() };
        assert_eq!(said.clone().or_default(lock, NOW), said);
        assert_eq!(
            Extras::default().or_default(lock, NOW).retention,
            until(LockMode::Governance, NOW + 2 * 86_400_000)
        );
        assert_eq!(Extras::default().or_default(None, NOW), Extras::default());
        let years = DefaultRetention { period: Period::Years(1), ..default };
        assert_eq!(years.from(0).until_ms, 365 * 86_400_000);
    }

    #[test]
    fn locks_need_a_bucket_with_locks_and_a_future() {
        let kind = |extras: &Extras, lock| extras.check(lock, NOW).map_err(|error| error.kind());
        let kept = |at| Extras { retention: until(LockMode::Governance, at), ..Extras::default() };
        let lock = Some(ObjectLock::default());
        assert_eq!(kind(&kept(2_000), None), Err(ErrorKind::InvalidRequest));
        assert_eq!(
            kind(&Extras { legal_hold: Some(false), ..Extras::default() }, None),
            Err(ErrorKind::InvalidRequest)
        );
        assert_eq!(kind(&kept(NOW), lock), Err(ErrorKind::InvalidArgument));
        assert_eq!(kind(&kept(NOW + 1), lock), Ok(()));
        assert_eq!(kind(&Extras::default(), None), Ok(()));
    }

    #[test]
    fn default_periods_have_bounds() {
        let check = |period| DefaultRetention { mode: LockMode::Governance, period }.check().is_ok();
        for good in [Period::Days(1), Period::Days(36_500), Period::Years(1), Period::Years(100)] {
            assert!(check(good), "{good:?}");
        }
        for bad in [Period::Days(0), Period::Days(36_501), Period::Years(0), Period::Years(101)] {
            assert!(!check(bad), "{bad:?}");
        }
    }
}
