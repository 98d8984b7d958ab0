//! `windlass usage`

use super::ran::{Cli, cells};
use crate::v1::house::Org;

#[tokio::test]
async fn what_is_used_stands_beside_its_limit() {
    let org = Org::on("tight");
    let bucket = org.bucket().await;
    bucket.upload("k", &[0; 2048]).await;
    let cli = Cli::of(&org);
    let table = cli.done(&["usage"]);
    let expected = [
        vec!["USED", "LIMIT"],
        vec!["buckets", "1", "2"],
        vec!["storage", "2.0 KiB", "9.8 KiB"],
        vec!["sent this month", "0 B", "unlimited"],
    ];
    assert_eq!(cells(&table), expected, "{table}");
    assert_eq!(cli.json(&["usage"]), org.json.get("/v1/billing/usage").await.json());
}
