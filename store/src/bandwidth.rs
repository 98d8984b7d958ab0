//! Bandwidth: bytes sent, counted in memory as they leave and written by a job, for each bucket and each organisation in
//! calendar months (UTC).
//!
//! Memory holds a month's whole total of everything that was counted since the start: the first count of a bucket reads
//! what is stored, so a reader asks memory first and never adds up two halves that a write could tear apart. A flush
//! writes totals, not differences; done twice it changes nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId};
use crate::limit;
use crate::meta::codec::Key;
use crate::meta::table::{BUCKET_BANDWIDTH, BUCKETS, ORG_BANDWIDTH, ORGS, Typed};
use crate::meta::{Record, Tx};

const DAY_MS: u64 = 86_400_000;

/// A row of `bucket_bandwidth` or `org_bandwidth`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandwidthRow {
    /// Bytes sent in the month.
    pub bytes: u64,
}

impl Record for BandwidthRow {
    const VERSION: u8 = 1;
}

/// A calendar month, UTC, as the number of months since January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Period(u32);

impl Period {
    /// The month that a time lies in.
    pub(crate) fn of(now: Millis) -> Self {
        // Guess by the mean length of a month, which is never off by more than one, then put it right.
        let guess = u32::try_from(now / (DAY_MS * 146_097 / 4_800)).unwrap_or(u32::MAX - 2);
        let earlier = Self(guess.saturating_sub(1));
        [Self(guess.saturating_add(1)), Self(guess)]
            .into_iter()
            .find(|month| month.start_ms() <= now)
            .unwrap_or(earlier)
    }

    /// The month after it.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number, as tables have it.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// So many months before it.
    pub(crate) fn back(self, months: u32) -> Self {
        Self(self.0.saturating_sub(months))
    }

    /// When it begins.
    pub(crate) fn start_ms(self) -> Millis {
        let (year, month) = (1970 + u64::from(self.0 / 12), self.0 % 12);
        let leaps = |year: u64| year / 4 - year / 100 + year / 400;
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days_before: u64 =
            [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30].iter().take(month as usize).sum();
        let days = (year - 1970) * 365 + leaps(year - 1) - leaps(1969) + days_before;
        days * DAY_MS
    }
}

/// Bytes of one month: all of them, and those that are written.
#[derive(Debug, Clone, Copy)]
struct Total {
    bytes: u64,
    written: u64,
}

/// Totals by owner and month.
#[derive(Debug)]
struct Totals<Id>(Mutex<HashMap<(Id, Period), Total>>);

impl<Id> Default for Totals<Id> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Id: Copy + Eq + Hash> Totals<Id> {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Id, Period), Total>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: Id, period: Period) -> Option<u64> {
        self.lock().get(&(id, period)).map(|total| total.bytes)
    }

    /// Counts bytes on top of what memory knows; false if it knows nothing of that owner and month.
    fn count(&self, id: Id, period: Period, bytes: u64) -> bool {
        match self.lock().get_mut(&(id, period)) {
            Some(total) => {
                total.bytes = total.bytes.saturating_add(bytes);
                true
            }
            None => false,
        }
    }

    /// Counts bytes on top of what is stored, unless memory has come to know better.
    fn begin(&self, id: Id, period: Period, stored: u64, bytes: u64) {
        let mut totals = self.lock();
        let total = totals.entry((id, period)).or_insert(Total { bytes: stored, written: stored });
        total.bytes = total.bytes.saturating_add(bytes);
    }

    fn unwritten(&self) -> Vec<(Id, Period, u64)> {
        let totals = self.lock();
        let unwritten = totals.iter().filter(|(_, total)| total.bytes > total.written);
        unwritten.map(|((id, period), total)| (*id, *period, total.bytes)).collect()
    }

    /// Notes what was written, and forgets months that are over.
    fn written(&self, rows: &[(Id, Period, u64)], now: Period) {
        let mut totals = self.lock();
        for (id, period, bytes) in rows {
            if let Some(total) = totals.get_mut(&(*id, *period)) {
                total.written = *bytes;
            }
        }
        totals.retain(|(_, period), total| *period >= now || total.bytes > total.written);
    }

    /// Forgets an owner that is gone.
    fn forget(&self, id: Id) {
        self.lock().retain(|(of, _), _| *of != id);
    }
}

/// Bandwidth since the start, and what was stored of it before.
#[derive(Debug, Default)]
pub(crate) struct Bandwidth {
    buckets: Totals<BucketId>,
    orgs: Totals<OrgId>,
}

impl Store {
    /// The month it is.
    pub(crate) fn period(&self) -> Period {
        Period::of(self.clock.now())
    }

    /// Counts bytes as they leave, on behalf of a bucket and its organisation. Cheap: memory alone, but for the first time
    /// in a month. They are on disk within the time between two flushes.
    pub fn count_bandwidth(&self, bucket: BucketId, org: OrgId, bytes: u64) {
        let period = self.period();
        let counted = self
            .count(&self.bandwidth.buckets, &BUCKET_BANDWIDTH, bucket, period, bytes)
            .and_then(|()| self.count(&self.bandwidth.orgs, &ORG_BANDWIDTH, org, period, bytes));
        if let Err(error) = counted {
            tracing::error!(%error, %bucket, bytes, "bytes were sent that could not be counted");
        }
    }

    fn count<Id: Copy + Eq + Hash>(
        &self,
        totals: &Totals<Id>,
        table: &Typed<(Id, u32), BandwidthRow>,
        id: Id,
        period: Period,
        bytes: u64,
    ) -> Result<()>
    where
        (Id, u32): Key,
    {
        if !totals.count(id, period, bytes) {
            let stored = self.meta.read(|read| table.get(read, &(id, period.0)))?.unwrap_or_default();
            totals.begin(id, period, stored.bytes, bytes);
        }
        Ok(())
    }

    /// Bytes sent from a bucket this month.
    pub fn bucket_bandwidth(&self, bucket: BucketId) -> Result<u64> {
        self.total(&self.bandwidth.buckets, &BUCKET_BANDWIDTH, bucket)
    }

    /// Bytes sent for an organisation this month, from buckets that are gone too.
    pub fn org_bandwidth(&self, org: OrgId) -> Result<u64> {
        self.total(&self.bandwidth.orgs, &ORG_BANDWIDTH, org)
    }

    fn total<Id: Copy + Eq + Hash>(
        &self,
        totals: &Totals<Id>,
        table: &Typed<(Id, u32), BandwidthRow>,
        id: Id,
    ) -> Result<u64>
    where
        (Id, u32): Key,
    {
        let period = self.period();
        match totals.get(id, period) {
            Some(bytes) => Ok(bytes),
            None => Ok(self.meta.read(|read| table.get(read, &(id, period.0)))?.unwrap_or_default().bytes),
        }
    }

    /// `QuotaExceeded` if the organisation has sent what its plan allows in a month and the plan enforces that. Asked by
    /// doors before they send the bytes of an object; mostly from memory.
    pub fn check_bandwidth(&self, org: OrgId) -> Result<()> {
        let plan = self.plan_of(org)?;
        match plan.max_bandwidth_bytes_per_month.filter(|_| plan.enforce_bandwidth) {
            Some(max) if self.org_bandwidth(org)? >= max => {
                Err(Error::new(ErrorKind::QuotaExceeded, "Bandwidth limit exceeded. Upgrade your plan."))
            }
            _ => Ok(()),
        }
    }

    /// Writes the totals that grew since the last time, a bounded number of rows in each commit.
    pub(crate) async fn flush_bandwidth(&self) -> Result<()> {
        let now = self.period();
        for rows in self.bandwidth.buckets.unwritten().chunks(limit::FLUSH_ROWS) {
            let changes = rows.to_vec();
            let gone = self.meta.write(move |tx| put_bucket_totals(tx, &changes)).await?;
            self.bandwidth.buckets.written(rows, now);
            gone.into_iter().for_each(|bucket| self.bandwidth.buckets.forget(bucket));
        }
        for rows in self.bandwidth.orgs.unwritten().chunks(limit::FLUSH_ROWS) {
            let changes = rows.to_vec();
            self.meta.write(move |tx| put_org_totals(tx, &changes)).await?;
            self.bandwidth.orgs.written(rows, now);
        }
        Ok(())
    }

    /// Writes what is counted in memory: bandwidth, and when keys were last used. Done by a job at most every ten seconds,
    /// and once more when everything else has ended.
    pub async fn flush_counters(&self) -> Result<()> {
        self.flush_bandwidth().await?;
        self.flush_used_keys().await
    }
}

/// Writes totals of buckets; says which of them are gone and got none.
fn put_bucket_totals(tx: &mut Tx<'_>, rows: &[(BucketId, Period, u64)]) -> Result<Vec<BucketId>> {
    let mut gone = Vec::new();
    for (bucket, period, bytes) in rows {
        if BUCKETS.contains(tx, bucket)? {
            BUCKET_BANDWIDTH.put(tx, &(*bucket, period.0), &BandwidthRow { bytes: *bytes })?;
        } else {
            gone.push(*bucket);
        }
    }
    Ok(gone)
}

fn put_org_totals(tx: &mut Tx<'_>, rows: &[(OrgId, Period, u64)]) -> Result<()> {
    for (org, period, bytes) in rows {
        if ORGS.contains(tx, org)? {
            ORG_BANDWIDTH.put(tx, &(*org, period.0), &BandwidthRow { bytes: *bytes })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        // 2000-02-29T12:30:15.250Z, 2024-12-31T23:59:59.999Z, and known firsts of months.
        assert_eq!(Period::of(951_827_415_250).start_ms(), 949_363_200_000);
        assert_eq!(Period::of(951_827_415_250).next().start_ms(), 951_868_800_000);
        assert_eq!(Period::of(1_735_689_599_999).next().start_ms(), 1_735_689_600_000);
        assert_eq!(Period::of(0), Period(0));
        assert_eq!(Period(0).start_ms(), 0);
        assert_eq!(Period(1).start_ms(), 31 * DAY_MS);
    }

    #[test]
    fn every_moment_lies_in_its_month() {
        for month in (0..12 * 400).map(Period) {
            let (start, end) = (month.start_ms(), month.next().start_ms());
            assert!((28 * DAY_MS..=31 * DAY_MS).contains(&(end - start)), "{month:?}");
            for at in [start, start + 1, end - 1] {
                assert_eq!(Period::of(at), month, "{at}");
            }
        }
    }

    #[test]
    fn totals_are_begun_once_and_written_once() {
        let totals = Totals::default();
        let (id, now) = (OrgId([1; 16]), Period(600));
        assert!(!totals.count(id, now, 5));
        totals.begin(id, now, 100, 5);
        totals.begin(id, now, 100, 7);
        assert!(totals.count(id, now, 1));
        assert_eq!(totals.get(id, now), Some(113));
        let rows = totals.unwritten();
        assert_eq!(rows, [(id, now, 113)]);
        totals.count(id, now, 1);
        totals.written(&rows, now);
        assert_eq!(totals.unwritten(), [(id, now, 114)]);
        totals.written(&totals.unwritten(), now.next());
        assert_eq!(totals.get(id, now), None, "a month that is over and written is forgotten");
    }
}
