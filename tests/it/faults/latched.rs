//! A metadata file that may not grow, for a while: the limit on file sizes stands for a full disk, and needs no root.

use std::process::Command;
use std::time::Duration;

use windlass_tests::fault::ledger::{Ledger, Went};
use windlass_tests::fault::page::{recoveries, until_ready};
use windlass_tests::fault::recover::recover;
use windlass_tests::noise::noise;
use windlass_tests::server::{DataDir, Options, Server, binary};

const LIMIT_BYTES: u64 = 6 << 20;
/// Writes after which the file must have reached its limit.
const WRITES_MAX: u64 = 10_000;
/// How long the gateway may take to notice that it may write again; nothing is measured by it.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_store_that_could_not_write_for_a_while_goes_on_by_itself_and_has_lost_nothing() {
    // Without the trap the kernel would end the process.
    let limited = format!("trap '' XFSZ; exec prlimit --fsize={LIMIT_BYTES}:unlimited -- \"$0\" \"$@\"");
    let options = Options::default().through(&["sh", "-c", &limited]);
    let data = DataDir::new();
    let mut server = Server::start_with(options, data.clone());
    let mut ledger = Ledger::new(server.client(), "bucket");
    ledger.make().await.unwrap();
    let mut went = Went::Done;
    for n in 0..WRITES_MAX {
        went = ledger.put(&format!("k{n:05}"), noise(n, 4_000)).await.unwrap();
        if went != Went::Done {
            break;
        }
    }
    assert_eq!(went, Went::Refused(503));

    let raised = Command::new("prlimit").args(["--pid", &server.id().to_string(), "--fsize=unlimited"]).status();
    assert!(raised.unwrap().success());
    assert!(until_ready(&server, NOTICED_WITHIN).await.is_some(), "{}", server.log_tail());
    assert!(recoveries(&server).await > 0);
    for n in 0..200 {
        assert_eq!(ledger.put(&format!("later {n:03}"), noise(n, 4_000)).await.unwrap(), Went::Done);
    }
    ledger.settle().await.unwrap();
    server.kill();
    recover(&binary(), &data, &mut ledger).await.unwrap();
}
