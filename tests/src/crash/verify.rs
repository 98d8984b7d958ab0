//! The look at everything after a restart.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::expect::{Body, Own, Slot, Upload};
use super::report::Round;
use crate::client::Bucket;

/// What a read found.
#[derive(Debug)]
struct Seen {
    sha256: [u8; 32],
    len: usize,
    etag: String,
}

impl Seen {
    fn is(&self, body: &Body) -> bool {
        (self.sha256, self.len, &self.etag) == (body.sha256, body.len, &body.etag)
    }
}

/// Checks every key and upload of every task, then the listings; settles what was in doubt.
pub(super) async fn all(bucket: &Bucket, own: &mut [Own], round: &mut Round) -> Result<(), String> {
    let number = round.number;
    let checks = own.iter_mut().map(|own| one(bucket, own, number));
    for outcome in futures::future::join_all(checks).await {
        let (checked, landed, lost) = outcome?;
        round.checked += checked;
        round.landed += landed;
        round.lost += lost;
    }
    abort_all(bucket).await?;
    for outcome in futures::future::join_all(own.iter().map(|own| versions(bucket, own))).await {
        outcome?;
    }
    listing(bucket, own).await
}

/// Every version that was acknowledged and not deleted is there as it was written.
async fn versions(bucket: &Bucket, own: &Own) -> Result<(), String> {
    for (key, version) in own.versions.iter().flat_map(|(key, all)| all.iter().map(move |version| (key, version))) {
        let answer = bucket.head(key).query("versionId", &version.id).attempt().await?;
        let right = match &version.etag {
            Some(etag) => answer.status == 200 && answer.header("etag") == Some(etag),
            None => answer.status == 405 && answer.header("x-amz-delete-marker") == Some("true"),
        };
        if !right {
            return Err(format!("{key} should have {version:?}: {}", answer.describe()));
        }
    }
    Ok(())
}

/// One task's keys: acknowledged writes checked, writes in doubt that happened, and those that did not.
async fn one(bucket: &Bucket, own: &mut Own, round: u32) -> Result<(usize, usize, usize), String> {
    let (mut checked, mut landed, mut lost) = (0, 0, 0);
    for (key, slot) in &mut own.slots {
        let seen = read(bucket, key).await?;
        let matches = |wanted: &Option<Body>| match (&seen, wanted) {
            (Some(seen), Some(body)) => seen.is(body),
            (None, None) => true,
            _ => false,
        };
        match slot.doubt.take() {
            Some(outcome) if matches(&outcome) => {
                landed += 1;
                slot.sure = outcome;
            }
            Some(_) if matches(&slot.sure) => lost += 1,
            None if matches(&slot.sure) => checked += usize::from(slot.round == round),
            doubt => return Err(wrong(key, slot, doubt.as_ref(), seen.as_ref())),
        }
    }
    if let Some(upload) = own.upload.take() {
        resume(bucket, own, upload).await?;
    }
    Ok((checked, landed, lost))
}

fn wrong(key: &str, slot: &Slot, doubt: Option<&Option<Body>>, seen: Option<&Seen>) -> String {
    let told = |body: &Option<Body>| match body {
        Some(body) => format!("{} bytes {} of pieces {:?}", body.len, body.etag, body.pieces),
        None => "nothing".to_owned(),
    };
    let doubt = doubt.map_or(String::new(), |body| format!(" or, in doubt, {}", told(body)));
    let found = seen.map_or("nothing".to_owned(), |seen| format!("{} bytes {}", seen.len, seen.etag));
    format!("{key} (last acknowledged in round {}) should be {}{doubt}, and is {found}", slot.round, told(&slot.sure))
}

async fn read(bucket: &Bucket, key: &str) -> Result<Option<Seen>, String> {
    let answer = bucket.get(key).attempt().await?;
    match answer.status {
        404 => Ok(None),
        200 => {
            let etag = answer.header("etag").unwrap_or_default().to_owned();
            Ok(Some(Seen { sha256: Sha256::digest(&answer.body).into(), len: answer.body.len(), etag }))
        }
        _ => Err(format!("reading {key} was answered with {}", answer.describe())),
    }
}

/// An upload that the kill left open still has every part that was acknowledged. One whose Complete had no answer can
/// be completed again, whether it had been or not.
async fn resume(bucket: &Bucket, own: &mut Own, upload: Upload) -> Result<(), String> {
    let Upload { key, id, parts, completing } = upload;
    let Some(body) = completing else {
        let answer = bucket.parts(&key, &id).attempt().await?;
        let listed = if answer.status == 200 { answer.xml().texts("Part/ETag") } else { Vec::new() };
        // One part more may be there: that whose answer never came.
        let kept = parts.iter().zip(&listed).filter(|((_, etag), listed)| etag == *listed).count();
        if answer.status != 200 || kept != parts.len() || listed.len() > parts.len() + 1 {
            return Err(format!("upload {id} of {key} should have parts {parts:?}: {}", answer.describe()));
        }
        return Ok(());
    };
    let answer = bucket.complete(&key, &id, &parts).attempt().await?;
    if answer.status != 200 {
        return Err(format!("completing {key} again was answered with {}", answer.describe()));
    }
    let seen = read(bucket, &key).await?;
    if !seen.as_ref().is_some_and(|seen| seen.is(&body)) {
        return Err(format!("{key} was completed again and is {seen:?}, not {body:?}"));
    }
    own.slots.entry(key).or_default().sure = Some(body);
    Ok(())
}

async fn abort_all(bucket: &Bucket) -> Result<(), String> {
    let xml = bucket.on("GET").flag("uploads").attempt().await?.is(200).xml();
    for upload in xml.all("Upload") {
        let answer = bucket.abort(upload.text("Key"), upload.text("UploadId")).attempt().await?;
        if answer.status != 204 {
            return Err(format!("aborting {upload:?} was answered with {}", answer.describe()));
        }
    }
    Ok(())
}

/// The listing holds exactly what reads find.
async fn listing(bucket: &Bucket, own: &[Own]) -> Result<(), String> {
    let xml = bucket.list().attempt().await?.is(200).xml();
    let listed: BTreeMap<String, (String, String)> = xml
        .all("Contents")
        .into_iter()
        .map(|e| (e.text("Key").to_owned(), (e.text("ETag").to_owned(), e.text("Size").to_owned())))
        .collect();
    let wanted: BTreeMap<String, (String, String)> = own
        .iter()
        .flat_map(|own| &own.slots)
        .filter_map(|(key, slot)| Some((key.clone(), slot.sure.as_ref()?)))
        .map(|(key, body)| (key, (body.etag.clone(), body.len.to_string())))
        .collect();
    if listed == wanted { Ok(()) } else { Err(format!("the listing is {listed:#?}\nand should be {wanted:#?}")) }
}
