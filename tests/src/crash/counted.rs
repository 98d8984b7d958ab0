//! Whether what is counted is what is there: of the bucket by its object on `/v1`, of the organisation by its usage.

use serde_json::Value;

use crate::client::Bucket;
use crate::json::Json;

/// Recounts everything over S3 and compares. Nothing else may write meanwhile.
pub(super) async fn verify(bucket: &Bucket, json: &Json) -> Result<(), String> {
    let (mut objects, mut bytes) = (0, 0);
    let (mut listed, mut stored) = (Vec::new(), 0);
    let mut cursor: Option<String> = None;
    loop {
        let mut call = json.get("/v1/buckets").query("limit", 100);
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let page = call.attempt().await?.page();
        listed.extend(page.entries);
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let is_there = |shown: &&Value| shown["status"] != "deleting";
    let there: Vec<&Value> = listed.iter().filter(is_there).collect();
    for shown in &there {
        let name = shown["s3Name"].as_str().unwrap_or_default();
        let (count, sum) = recount(&Bucket { client: bucket.client.clone(), name: name.to_owned() }).await?;
        if (shown["objectCount"].as_u64(), shown["storageUsedBytes"].as_u64()) != (Some(count), Some(sum)) {
            return Err(format!("{name} holds {count} objects and {sum} bytes, and is shown as {shown}"));
        }
        objects += count;
        bytes += sum;
        stored += 1;
    }
    let usage = json.get("/v1/billing/usage").attempt().await?.data(200);
    let counted = (usage["bucketCount"]["used"].as_u64(), usage["storage"]["usedBytes"].as_u64());
    if counted == (Some(stored), Some(bytes)) {
        return Ok(());
    }
    Err(format!("{stored} buckets hold {objects} objects and {bytes} bytes, and the organisation's usage is {usage}"))
}

/// Objects and bytes of a bucket, the parts of its open uploads among them.
async fn recount(bucket: &Bucket) -> Result<(u64, u64), String> {
    let number = |text: &String| text.parse::<u64>().map_err(|e| format!("size {text}: {e}"));
    let mut sizes = Vec::new();
    let xml = bucket.list().attempt().await?.is(200).xml();
    if xml.get("NextContinuationToken").is_some() {
        return Err(format!("{} holds more than a page", bucket.name));
    }
    let objects = xml.all("Contents").len() as u64;
    // What is current is a version as well.
    let (versions, _) = bucket.all_versions().await;
    sizes.extend(versions.into_iter().map(|[_, _, _, size]| size));
    let uploads = bucket.on("GET").flag("uploads").attempt().await?.is(200).xml();
    for upload in uploads.all("Upload") {
        let parts = bucket.parts(upload.text("Key"), upload.text("UploadId")).attempt().await?.is(200).xml();
        sizes.extend(parts.texts("Part/Size"));
    }
    let mut bytes = 0;
    for size in &sizes {
        bytes += number(size)?;
    }
    Ok((objects, bytes))
}
