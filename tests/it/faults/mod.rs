//! What breaks under the gateway or in front of it, as far as that needs no root. `tests/faults/run.sh` does the rest.

mod first_start;
mod flips;
mod flood;
mod gone;
mod latched;
mod pause;
mod slow;

use windlass_tests::client::Client;

/// A number of the metrics page.
pub(crate) async fn metric(client: &Client, name: &str) -> f64 {
    let answer = client.plain("/-/metrics").await.is(200);
    let line = answer.text().lines().find(|line| line.split(' ').next() == Some(name));
    let value = line.unwrap_or_else(|| panic!("no {name} in {}", answer.describe())).rsplit_once(' ').unwrap().1;
    value.parse().unwrap()
}
