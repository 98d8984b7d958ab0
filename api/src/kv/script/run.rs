//! Running a script: what it asks for is done by the verbs of the plain door, with the grant of whoever sent the request.

use std::sync::Arc;

use windlass_store::Store;
use windlass_store::kv::{KvGrant, KvListing, KvOperation, KvSet, KvTtl, Number};
use windlass_store::object::WriteCondition;

use super::frame::{Ending, FromWorker, Listing, Operation, Reply, Setting, Step, Task, ToWorker};
use super::pool::Workers;
use crate::error::{Error, Form, Result};
use crate::kv::bucket::{TOKEN_TTL_S, permissions};
use crate::limit;

/// A script that is being run.
struct Run<'a> {
    store: &'a Arc<Store>,
    grant: &'a KvGrant,
    /// What it may still ask for.
    left: u32,
}

/// Runs a script, once it is its turn. `Unavailable` if that does not come.
pub(super) async fn run(workers: &Workers, store: &Arc<Store>, grant: &KvGrant, task: Task) -> Result<Ending> {
    let mut turn = workers.turn().await?;
    let mut run = Run { store, grant, left: limit::KV_SCRIPT_OPERATIONS_MAX };
    let mut said = turn.worker.send(&ToWorker::Run(task)).await;
    loop {
        let heard = match said {
            Ok(()) => turn.worker.receive().await,
            Err(error) => Err(error),
        };
        let operation = match heard {
            Ok(FromWorker::Ask(operation)) => operation,
            Ok(FromWorker::End(ending)) => {
                turn.keep();
                return Ok(ending);
            }
            Ok(FromWorker::Last(ending)) => return Ok(ending),
            Err(error) => return Ok(turn.worker.broken(error).await),
        };
        let reply = match run.perform(operation).await {
            Ok(reply) => Ok(reply),
            Err(Refusal::Told(error)) => Err(error.message(Form::Text).into_owned()),
            Err(Refusal::Over) => {
                return Ok(Ending::Stopped("The script asked for more than 1000 operations".to_owned()));
            }
        };
        said = turn.worker.send(&ToWorker::Reply(reply)).await;
    }
}

/// Why something was not done.
enum Refusal {
    /// The script is told.
    Told(Error),
    /// It may ask for nothing any more.
    Over,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl From<windlass_store::Error> for Refusal {
    fn from(error: windlass_store::Error) -> Self {
        Self::Told(error.into())
    }
}

impl Run<'_> {
    fn count(&mut self) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(1).ok_or(Refusal::Over)?;
        Ok(())
    }

    async fn perform(&mut self, operation: Operation) -> Result<Reply, Refusal> {
        self.count()?;
        let (store, grant) = (self.store, self.grant);
        Ok(match operation {
            Operation::Get(key) => Reply::Text(store.kv_get(grant, &key)?.value.to_vec()),
            Operation::Set(Setting { key, value, ttl }) => {
                let (value, ttl) = (value.into(), lasting(ttl));
                let condition = WriteCondition::default();
                store.kv_set(grant, KvSet { key, value, content_type: None, ttl, condition }).await?;
                Reply::Done
            }
            Operation::Add { key, by, ttl } => {
                let by = Number::parse(by.as_bytes());
                let by = by.ok_or_else(|| Error::bad_request("What is added must be a finite number"))?;
                Reply::Number(store.kv_increment(grant, key, by, lasting(ttl)).await?.to_string())
            }
            Operation::Delete(key) => {
                store.kv_delete(grant, key).await?;
                Reply::Done
            }
            Operation::List(listing) => self.list(listing).await?,
            Operation::Transact(steps) => {
                store.kv_transaction(grant, steps.into_iter().map(step).collect()).await?;
                Reply::Done
            }
            Operation::Token { prefix, permissions: names, ttl } => {
                let permissions = permissions(&names.join(","))?;
                let token = store.kv_token(grant, prefix, permissions, ttl.unwrap_or(TOKEN_TTL_S))?;
                Reply::Text(token.into_bytes())
            }
        })
    }

    async fn list(&mut self, listing: Listing) -> Result<Reply, Refusal> {
        let Listing { prefix, after, skip, limit, reverse, values } = listing;
        let limit = limit.unwrap_or(limit::KV_SCRIPT_LIST_KEYS);
        let mut walk = self.store.kv_list(self.grant, KvListing { prefix, after, reverse, values, skip, limit })?;
        let (mut keys, mut bytes) = (Vec::new(), 0);
        loop {
            let (page, more) = self.store.kv_step(&mut walk)?;
            for listed in page {
                let value = listed.value.map(|(value, _)| value.to_vec());
                bytes += listed.key.len() + value.as_ref().map_or(0, Vec::len) + size_of::<Reply>();
                if bytes > limit::KV_SCRIPT_LIST_BYTES_MAX {
                    return Err(Error::bad_request("The listing is longer than 1 MiB: ask for fewer keys").into());
                }
                keys.push((listed.key, value));
            }
            if !more {
                return Ok(Reply::Keys(keys));
            }
            self.count()?;
            // Others wait for this thread.
            tokio::task::yield_now().await;
        }
    }
}

fn lasting(ttl: Option<u64>) -> KvTtl {
    ttl.map_or(KvTtl::Default, KvTtl::Seconds)
}

fn step(step: Step) -> KvOperation {
    match step {
        Step::Set(Setting { key, value, ttl }) => {
            KvOperation::Set { key, value: value.into(), content_type: None, ttl: lasting(ttl) }
        }
        Step::Delete(key) => KvOperation::Delete { key },
        Step::Check(key, value) => KvOperation::Check { key, value: value.map(Into::into) },
    }
}
