//! Transactions, counters and the clock against a plain map: whatever is done in whatever order, a bucket holds what the map
//! holds, a refused transaction changes nothing, and the counters are exact.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use windlass_store::ErrorKind;
use windlass_store::kv::{KvGrant, KvListing, KvOperation, KvPolicy, KvTtl, Number};
use windlass_store::policy::Action;

use crate::home::{Home, plan};

/// What a key holds, and when it ends.
type Model = BTreeMap<Vec<u8>, (Bytes, Option<u64>)>;

#[derive(Debug, Clone)]
enum Step {
    Set(u8, i8, u64),
    Delete(u8),
    /// Of a value that is right, if the flag says so.
    Check(u8, bool),
}

#[derive(Debug, Clone)]
enum Act {
    Transaction(Vec<Step>),
    Add(u8, i8, u64),
    Wait(u64),
    Sweep,
}

fn key(n: u8) -> Vec<u8> {
    vec![b'k', n % 5]
}

fn ttl() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..4_u64]
}

fn act() -> impl Strategy<Value = Act> {
    let step = prop_oneof![
        4 => (any::<u8>(), any::<i8>(), ttl()).prop_map(|(key, value, ttl)| Step::Set(key, value, ttl)),
        2 => any::<u8>().prop_map(Step::Delete),
        2 => (any::<u8>(), prop::bool::weighted(0.8)).prop_map(|(key, right)| Step::Check(key, right)),
    ];
    prop_oneof![
        4 => prop::collection::vec(step, 0..6).prop_map(Act::Transaction),
        3 => (any::<u8>(), any::<i8>(), ttl()).prop_map(|(key, by, ttl)| Act::Add(key, by, ttl)),
        2 => (1..3_000_u64).prop_map(Act::Wait),
        1 => Just(Act::Sweep),
    ]
}

fn ends(ttl: u64, now: u64) -> Option<u64> {
    (ttl > 0).then(|| now + ttl * 1_000)
}

fn live(model: &Model, key: &[u8], now: u64) -> Option<Bytes> {
    model.get(key).filter(|(_, end)| end.is_none_or(|end| end > now)).map(|(value, _)| value.clone())
}

/// What a transaction makes of the map, and its steps for the store; nothing if it is to be refused.
fn transaction(steps: &[Step], model: &Model, now: u64) -> (Vec<KvOperation>, Option<Model>) {
    let (mut operations, mut after, mut holds) = (Vec::new(), model.clone(), true);
    for step in steps {
        operations.push(match step {
            Step::Set(at, value, ttl) => {
                let value = Bytes::from(value.to_string());
                after.insert(key(*at), (value.clone(), ends(*ttl, now)));
                KvOperation::Set { key: key(*at), value, content_type: None, ttl: KvTtl::Seconds(*ttl) }
            }
            Step::Delete(at) => {
                after.remove(&key(*at));
                KvOperation::Delete { key: key(*at) }
            }
            Step::Check(at, right) => {
                holds &= right;
                let value = live(&after, &key(*at), now);
                let wrong = if value.is_some() { None } else { Some("wrong".into()) };
                KvOperation::Check { key: key(*at), value: if *right { value } else { wrong } }
            }
        });
    }
    (operations, holds.then_some(after))
}

fn held(home: &Home, grant: &KvGrant) -> Vec<(Vec<u8>, Bytes)> {
    let listing = KvListing { prefix: None, after: None, reverse: false, values: true, skip: 0, limit: 100 };
    let (page, more) = home.store.kv_step(&mut home.store.kv_list(grant, listing).unwrap()).unwrap();
    assert!(!more);
    page.into_iter().map(|listed| (listed.key, listed.value.unwrap().0)).collect()
}

async fn follow(home: &Home, grant: &KvGrant, acts: &[Act]) {
    let mut model = Model::new();
    for act in acts {
        let now = home.store.now();
        match act {
            Act::Transaction(steps) => {
                let (operations, after) = transaction(steps, &model, now);
                let result = home.store.kv_transaction(grant, operations).await;
                match after {
                    Some(after) => {
                        result.unwrap();
                        model = after;
                    }
                    None => assert_eq!(result.unwrap_err().kind(), ErrorKind::CheckFailed),
                }
            }
            Act::Add(at, by, ttl) => {
                let before: i64 = live(&model, &key(*at), now)
                    .map_or(0, |value| std::str::from_utf8(&value).unwrap().parse().unwrap());
                let sum = before + i64::from(*by);
                let by = Number::Int(i64::from(*by));
                let told = home.store.kv_increment(grant, key(*at), by, KvTtl::Seconds(*ttl)).await.unwrap();
                assert_eq!(told, Number::Int(sum));
                model.insert(key(*at), (sum.to_string().into(), ends(*ttl, now)));
            }
            Act::Wait(ms) => {
                home.clock.set(now + ms);
            }
            Act::Sweep => {
                while home.store.kv_sweep_step().await.unwrap().more {}
                model.retain(|_, (_, end)| end.is_none_or(|end| end > now));
                let bytes = model.iter().map(|(key, (value, _))| (key.len() + value.len()) as u64);
                assert_eq!(home.stored(), bytes.sum::<u64>());
            }
        }
        let now = home.store.now();
        let there = model.keys().filter_map(|key| Some((key.clone(), live(&model, key, now)?)));
        assert_eq!(held(home, grant), there.collect::<Vec<_>>(), "after {act:?}");
    }
}

#[test]
fn any_transactions_and_counters_equal_the_same_on_a_map() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let home = runtime.block_on(Home::new(plan()));
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let property = |acts: Vec<Act>| {
        runtime.block_on(async {
            let policy = KvPolicy { secret_key: Some("secret".to_owned()), ..KvPolicy::default() };
            let id = home.store.kv_create(Some(&home.may(Action::CreateKvBucket)), &policy).await.unwrap();
            let grant = home.store.kv_authorize(id, Some("secret")).unwrap();
            follow(&home, &grant, &acts).await;
            home.store.kv_drop(&grant).await.unwrap();
            assert_eq!(home.stored(), 0);
        });
        Ok(())
    };
    runner.run(&prop::collection::vec(act(), 0..24), property).unwrap();
    assert_eq!(home.check(), []);
}
