//! Brings a data directory of an earlier format to the present one when it is opened, in bounded commits. Rows of earlier
//! versions are read as they are (see `codec`); what is done here is only what a row alone cannot do: indexes and counters
//! that did not exist. Every commit writes what the rows come to, so a start that is cut begins again and ends alike; the
//! format is raised by the last commit of all.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::id::OrgId;
use crate::limit;
use crate::meta::table::{BUCKET_ID_BY_ORG, BUCKETS, IdRow, KEY_BY_ORG, KEYS, ORG_USAGE, Typed, USAGE};
use crate::meta::{Key, KeyRange, Meta, Record, Step, Tx};
use crate::state;
use crate::usage::OrgUsageRow;

/// Migrates what is there. A directory that has no format yet is a new one.
pub(crate) fn migrate(meta: &Meta) -> Result<()> {
    if meta.read(state::format)? == Some(1) {
        tracing::info!("bringing the data directory from format 1 to format 2");
        index_by_org(meta)?;
        meta.write_blocking(|tx| {
            state::put_format(tx, 2);
            Ok(())
        })?;
    }
    Ok(())
}

/// To format 2: indexes of buckets and keys by organisation and id, and counters of organisations.
fn index_by_org(meta: &Meta) -> Result<()> {
    let mut usage: BTreeMap<OrgId, OrgUsageRow> = BTreeMap::new();
    for_each_page(meta, &BUCKETS, |buckets| {
        meta.read(|read| {
            for (id, row) in &buckets {
                let held = USAGE.get(read, id)?.unwrap_or_default().stored_bytes();
                let org = usage.entry(row.org).or_default();
                org.buckets += 1;
                org.storage_bytes = org.storage_bytes.saturating_add(held);
            }
            Ok(())
        })?;
        meta.write_blocking(move |tx: &mut Tx<'_>| {
            buckets.iter().try_for_each(|(id, row)| BUCKET_ID_BY_ORG.put(tx, &(row.org, *id), &IdRow(id.0)))
        })
    })?;
    for_each_page(meta, &KEYS, |keys| {
        meta.write_blocking(move |tx: &mut Tx<'_>| {
            keys.iter().try_for_each(|(id, row)| KEY_BY_ORG.put(tx, &(row.org, *id), &IdRow(id.0)))
        })
    })?;
    let usage: Vec<_> = usage.into_iter().collect();
    for page in usage.chunks(limit::STEP_ROWS) {
        let page = page.to_vec();
        meta.write_blocking(move |tx: &mut Tx<'_>| page.iter().try_for_each(|(org, row)| ORG_USAGE.put(tx, org, row)))?;
    }
    Ok(())
}

/// Shows all rows of a table in pages. The pages are read one by one, so no snapshot outlives a commit.
fn for_each_page<K: Key, V: Record>(
    meta: &Meta,
    table: &Typed<K, V>,
    mut see: impl FnMut(Vec<(K, V)>) -> Result<()>,
) -> Result<()> {
    let mut behind = KeyRange::all();
    loop {
        let mut page = Vec::new();
        meta.read(|read| {
            table.scan(read, &behind, |key, row| {
                page.push((key, row));
                Ok(if page.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
            })
        })?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        behind.from = std::ops::Bound::Excluded(last.to_key());
        see(page)?;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::id::BucketId;
    use crate::meta::MemoryEngine;
    use crate::meta::Table;
    use crate::object::hex;

    /// A row of a bucket as version 1 wrote it: name, organisation, time, location.
    fn bucket_of_version_1(org: OrgId, name: &str) -> bytes::Bytes {
        [&[1, name.len() as u8], name.as_bytes(), &org.0, &[6, 0]].concat().into()
    }

    fn rows(meta: &Meta) -> Vec<(Table, String, String)> {
        let mut rows = Vec::new();
        meta.read(|read| {
            for table in Table::ALL {
                read.scan(*table, &KeyRange::all(), &mut |key, value| {
                    rows.push((*table, hex(key), hex(value)));
                    Ok(Step::Continue)
                })?;
            }
            Ok(())
        })
        .unwrap();
        rows
    }

    #[test]
    fn more_rows_than_one_commit_takes_are_migrated_and_a_start_that_was_cut_ends_alike() {
        const BUCKETS_THERE: usize = 2 * limit::STEP_ROWS + 3;
        let meta = Meta::open(Arc::new(MemoryEngine::default()), Arc::new(ManualClock::at(1))).unwrap();
        let (one, two) = (OrgId([1; 16]), OrgId([2; 16]));
        meta.write_blocking(move |tx| {
            state::put_format(tx, 1);
            for n in 0..BUCKETS_THERE {
                let id = BucketId(u128::to_be_bytes(n as u128 * 7));
                let org = if n % 3 == 0 { one } else { two };
                tx.put(Table::Buckets, id.0.to_vec(), bucket_of_version_1(org, &format!("bucket-{n}")));
                // Version 1 of a bucket's counters: objects, bytes, uploads, parts, bytes of parts.
                tx.put(Table::Usage, id.0.to_vec(), bytes::Bytes::from_static(&[1, 1, 5, 0, 0, 2]));
            }
            Ok(())
        })
        .unwrap();
        index_by_org(&meta).unwrap();
        let cut = rows(&meta);
        migrate(&meta).unwrap();
        let whole = rows(&meta);
        assert!(meta.read(state::is_current).unwrap());
        let less = |rows: &[(Table, String, String)]| {
            rows.iter().filter(|row| row.0 != Table::State).cloned().collect::<Vec<_>>()
        };
        assert_eq!(less(&cut), less(&whole));

        let (usage, count) = meta
            .read(|read| {
                let mut count = 0;
                BUCKET_ID_BY_ORG.scan(read, &KeyRange::all(), |_, _| {
                    count += 1;
                    Ok(Step::Continue)
                })?;
                Ok(([ORG_USAGE.get(read, &one)?.unwrap(), ORG_USAGE.get(read, &two)?.unwrap()], count))
            })
            .unwrap();
        assert_eq!(count, BUCKETS_THERE);
        let of_one = BUCKETS_THERE.div_ceil(3) as u64;
        let expected = |buckets: u64| OrgUsageRow { buckets, storage_bytes: 7 * buckets };
        assert_eq!(usage, [expected(of_one), expected(BUCKETS_THERE as u64 - of_one)]);
    }
}
