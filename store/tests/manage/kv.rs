//! Key-value buckets: what expires and when, what counts for whom, and what a deletion leaves.

use bytes::Bytes;
use windlass_store::kv::{KvGrant, KvId, KvListing, KvOperation, KvPermissions, KvPolicy, KvSet, KvTtl, Number};
use windlass_store::object::{ETagMatch, WriteCondition};
use windlass_store::plan::Plan;
use windlass_store::policy::Action;
use windlass_store::{ErrorKind, Result, Store, limit, master};

use crate::home::{Home, NOW, plan};

const SECRET: Option<&str> = Some("secret");

fn policy(secret: &str) -> KvPolicy {
    KvPolicy { secret_key: Some(secret.to_owned()), ..KvPolicy::default() }
}

/// A bucket of acme's, whose values last for ever.
async fn bucket(home: &Home) -> KvId {
    let policy = KvPolicy { default_ttl_s: Some(0), ..policy("secret") };
    home.store.kv_create(Some(&home.may(Action::CreateKvBucket)), &policy).await.unwrap()
}

fn set_of(key: &str, value: &str, ttl: KvTtl) -> KvSet {
    KvSet {
        key: key.into(),
        value: Bytes::copy_from_slice(value.as_bytes()),
        content_type: None,
        ttl,
        condition: WriteCondition::default(),
    }
}

async fn set(store: &Store, grant: &KvGrant, key: &str, value: &str, ttl: KvTtl) -> Result<()> {
    store.kv_set(grant, set_of(key, value, ttl)).await.map(drop)
}

fn get(home: &Home, grant: &KvGrant, key: &str) -> Option<String> {
    match home.store.kv_get(grant, key.as_bytes()) {
        Ok(found) => Some(String::from_utf8(found.value.to_vec()).unwrap()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NoSuchKey);
            None
        }
    }
}

fn all() -> KvListing {
    KvListing { prefix: None, after: None, reverse: false, values: false, skip: 0, limit: u64::MAX }
}

fn list(home: &Home, grant: &KvGrant, listing: KvListing) -> Vec<String> {
    let mut walk = home.store.kv_list(grant, listing).unwrap();
    let mut keys = Vec::new();
    loop {
        let (page, more) = home.store.kv_step(&mut walk).unwrap();
        assert!(page.len() <= limit::KV_LIST_STEP_ROWS);
        keys.extend(page.into_iter().map(|listed| String::from_utf8(listed.key).unwrap()));
        if !more {
            return keys;
        }
    }
}

async fn sweep(home: &Home) -> (u64, u64) {
    let (mut expired, mut dropped) = (0, 0);
    loop {
        let step = home.store.kv_sweep_step().await.unwrap();
        expired += step.expired;
        dropped += step.dropped;
        if !step.more {
            return (expired, dropped);
        }
    }
}

#[tokio::test]
async fn a_value_is_gone_from_the_very_millisecond_on_swept_or_not() {
    let home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    set(&home.store, &grant, "a", "1", KvTtl::Seconds(10)).await.unwrap();
    set(&home.store, &grant, "b", "1", KvTtl::Seconds(20)).await.unwrap();
    set(&home.store, &grant, "c", "1", KvTtl::Default).await.unwrap();
    home.clock.set(NOW + 9_999);
    assert_eq!(get(&home, &grant, "a"), Some("1".into()));
    assert_eq!(list(&home, &grant, all()), ["a", "b", "c"]);
    assert_eq!(sweep(&home).await, (0, 0));

    home.clock.set(NOW + 10_000);
    assert_eq!(get(&home, &grant, "a"), None);
    assert_eq!(list(&home, &grant, all()), ["b", "c"]);
    assert_eq!(list(&home, &grant, KvListing { skip: 1, ..all() }), ["c"], "what is not there is not passed over");
    let check = |value: Option<&'static str>| KvOperation::Check { key: b"a".to_vec(), value: value.map(Bytes::from) };
    home.store.kv_transaction(&grant, vec![check(None)]).await.unwrap();
    let absent = WriteCondition { if_none_match: Some(ETagMatch::Any), ..WriteCondition::default() };
    home.store.kv_set(&grant, KvSet { condition: absent, ..set_of("a", "2", KvTtl::Seconds(1)) }).await.unwrap();
    home.clock.set(NOW + 11_000);
    let sum = home.store.kv_increment(&grant, b"a".to_vec(), Number::Int(5), KvTtl::Seconds(100)).await.unwrap();
    assert_eq!(sum, Number::Int(5), "an expired counter begins anew");

    home.clock.set(NOW + 20_000);
    assert_eq!(sweep(&home).await, (1, 0), "b alone: an update takes the earlier end away");
    assert_eq!(list(&home, &grant, all()), ["a", "c"]);
    home.clock.set(NOW + 111_000);
    assert_eq!(sweep(&home).await, (1, 0));
    assert_eq!(home.stored(), 2, "a key and a value of a byte each");
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn the_bucket_says_how_long_values_last_from_their_last_update() {
    let home = Home::new(plan()).await;
    let id = home.store.kv_create(Some(&home.may(Action::CreateKvBucket)), &policy("secret")).await.unwrap();
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    let week = limit::KV_TTL_S_DEFAULT * 1_000;
    set(&home.store, &grant, "a", "1", KvTtl::Default).await.unwrap();
    set(&home.store, &grant, "for-ever", "1", KvTtl::Seconds(0)).await.unwrap();
    home.clock.set(NOW + week - 1);
    home.store.kv_increment(&grant, b"a".to_vec(), Number::Int(1), KvTtl::Default).await.unwrap();
    home.clock.set(NOW + 2 * week - 2);
    assert_eq!(get(&home, &grant, "a"), Some("2".into()));
    home.clock.set(NOW + 2 * week - 1);
    assert_eq!(get(&home, &grant, "a"), None);

    home.store.kv_update(&grant, &KvPolicy { default_ttl_s: Some(1), ..KvPolicy::default() }).await.unwrap();
    set(&home.store, &grant, "b", "1", KvTtl::Default).await.unwrap();
    home.clock.set(NOW + 2 * week + 999);
    assert_eq!(list(&home, &grant, all()), ["for-ever"]);
    for ttl in [KvTtl::Seconds(limit::KV_TTL_S_MAX + 1), KvTtl::Seconds(u64::MAX)] {
        let error = set(&home.store, &grant, "c", "1", ttl).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[tokio::test]
async fn listings_come_in_order_or_backwards_from_anywhere() {
    let home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    let keys: Vec<String> = (0..1_500).map(|n| format!("k{n:04}")).collect();
    for page in keys.chunks(500) {
        let set = |key: &String| KvOperation::Set {
            key: key.clone().into_bytes(),
            value: "v".into(),
            content_type: None,
            ttl: KvTtl::Default,
        };
        home.store.kv_transaction(&grant, page.iter().map(set).collect()).await.unwrap();
    }
    set(&home.store, &grant, "j", "v", KvTtl::Default).await.unwrap();
    set(&home.store, &grant, "l", "v", KvTtl::Default).await.unwrap();
    let of_k = || KvListing { prefix: Some(b"k".to_vec()), ..all() };
    assert_eq!(list(&home, &grant, of_k()), keys);
    let backwards: Vec<String> = keys.iter().rev().cloned().collect();
    assert_eq!(list(&home, &grant, KvListing { reverse: true, ..of_k() }), backwards);
    let some = |reverse, after: Option<&str>, skip, limit| {
        let after = after.map(|after| after.as_bytes().to_vec());
        list(&home, &grant, KvListing { reverse, after, skip, limit, ..of_k() })
    };
    assert_eq!(some(false, Some("k0700"), 600, 2), ["k1301", "k1302"]);
    assert_eq!(some(true, Some("k0700"), 600, 2), ["k0099", "k0098"]);
    assert_eq!(some(false, Some("j"), 0, 1), ["k0000"], "before all");
    assert_eq!(some(false, Some("l"), 0, 1), [""; 0], "behind all");
    assert_eq!(some(true, Some("j"), 0, 1), [""; 0]);
    assert_eq!(some(true, Some("l"), 0, 1), ["k1499"]);
    assert_eq!(some(true, Some("k"), 0, 1), [""; 0]);
    assert_eq!(some(false, None, 0, 0), [""; 0]);
    assert_eq!(some(false, None, 2_000, 10), [""; 0]);
}

#[tokio::test]
async fn bytes_count_for_the_organisation_and_its_plan_can_refuse_more() {
    let home = Home::new(Plan { max_storage_bytes: Some(100), ..plan() }).await;
    let id = bucket(&home).await;
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    set(&home.store, &grant, "k", &"x".repeat(99), KvTtl::Default).await.unwrap();
    assert_eq!(home.stored(), 100);
    for (key, value) in [("l", ""), ("k", &*"x".repeat(100))] {
        let error = set(&home.store, &grant, key, value, KvTtl::Default).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    }
    set(&home.store, &grant, "k", "y", KvTtl::Default).await.unwrap();
    assert_eq!((home.stored(), get(&home, &grant, "k")), (2, Some("y".into())));
    home.store.kv_delete(&grant, b"k".to_vec()).await.unwrap();
    home.store.kv_delete(&grant, b"k".to_vec()).await.unwrap();
    assert_eq!(home.stored(), 0);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_deleted_bucket_counts_for_nobody_is_emptied_and_in_the_end_forgotten() {
    let mut home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    for n in 0..300 {
        let ttl = if n % 2 == 0 { KvTtl::Seconds(5) } else { KvTtl::Default };
        set(&home.store, &grant, &format!("{n}"), "v", ttl).await.unwrap();
    }
    home.store.kv_drop(&grant).await.unwrap();
    assert_eq!(home.stored(), 0);
    let told = |home: &Home| home.store.kv_authorize(id, None).unwrap_err().kind();
    assert_eq!(told(&home), ErrorKind::BucketDeleted);
    for error in [
        set(&home.store, &grant, "late", "v", KvTtl::Default).await.unwrap_err(),
        home.store.kv_drop(&grant).await.unwrap_err(),
        home.store.kv_update(&grant, &KvPolicy::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::BucketDeleted);
    }
    assert_eq!(home.store.kv_sweep_step().await.unwrap().dropped, limit::STEP_ROWS as u64);
    home.crash();
    home.clock.set(NOW + 5_000);
    let (expired, dropped) = sweep(&home).await;
    assert_eq!(expired + dropped + limit::STEP_ROWS as u64, 300);
    assert_eq!(told(&home), ErrorKind::BucketDeleted);
    home.clock.set(NOW + limit::KV_DELETED_MS);
    assert_eq!(sweep(&home).await, (0, 1));
    assert_eq!(told(&home), ErrorKind::NoSuchBucket);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_change_of_the_signing_key_voids_tokens_be_it_to_the_same() {
    let home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let grant = || home.store.kv_authorize(id, SECRET).unwrap();
    let signing = |key: &str| KvPolicy { signing_key: Some(key.to_owned()), ..KvPolicy::default() };
    let reads = KvPermissions { read: true, ..KvPermissions::default() };
    let make = |ttl_s| home.store.kv_token(&grant(), b"p".to_vec(), reads, ttl_s);
    assert_eq!(make(60).unwrap_err().kind(), ErrorKind::AccessDenied, "nothing to sign with");
    home.store.kv_update(&grant(), &signing("signing")).await.unwrap();
    let token = make(60).unwrap();
    let opens = |token: &str| home.store.kv_authorize(id, Some(token)).map(drop).map_err(|error| error.kind());
    assert_eq!(opens(&token), Ok(()));
    home.store.kv_update(&grant(), &KvPolicy { default_ttl_s: Some(9), ..KvPolicy::default() }).await.unwrap();
    assert_eq!(opens(&token), Ok(()), "another setting voids nothing");

    let other = bucket(&home).await;
    let of_other = home.store.kv_authorize(other, SECRET).unwrap();
    home.store.kv_update(&of_other, &signing("signing")).await.unwrap();
    assert_eq!(home.store.kv_authorize(other, Some(&token)).unwrap_err().kind(), ErrorKind::WrongKey);
    for at in [3, 20, token.len() - 2] {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(opens(std::str::from_utf8(&changed).unwrap()), Err(ErrorKind::WrongKey), "byte {at}");
    }
    home.clock.set(NOW + 59_999);
    assert_eq!(opens(&token), Ok(()));
    home.clock.set(NOW + 60_000);
    assert_eq!(opens(&token), Err(ErrorKind::WrongKey), "ended");
    let token = make(60).unwrap();
    home.store.kv_update(&grant(), &signing("signing")).await.unwrap();
    assert_eq!(opens(&token), Err(ErrorKind::WrongKey), "the same key anew");
    let token = make(60).unwrap();
    home.store.kv_update(&grant(), &signing("")).await.unwrap();
    assert_eq!(opens(&token), Err(ErrorKind::WrongKey), "no key any more");
    for ttl_s in [0, limit::KV_TOKEN_TTL_S_MAX + 1] {
        home.store.kv_update(&grant(), &signing("signing")).await.unwrap();
        assert_eq!(make(ttl_s).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[tokio::test]
async fn signing_keys_go_with_the_master_key_when_it_is_changed() {
    let mut home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    let signing = KvPolicy { signing_key: Some("signing".to_owned()), ..KvPolicy::default() };
    home.store.kv_update(&grant, &signing).await.unwrap();
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    let reads = KvPermissions { read: true, ..KvPermissions::default() };
    let token = home.store.kv_token(&grant, Vec::new(), reads, 60).unwrap();
    let mut secrets = 0;
    home.reopen_after(|options| secrets = master::rotate(options, None).unwrap().secrets);
    assert_eq!(secrets, 4, "three keys and one that signs");
    home.store.kv_authorize(id, Some(&token)).unwrap();
}

#[tokio::test]
async fn a_secret_key_is_changed_and_neither_added_nor_taken_away() {
    let home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let grant = home.store.kv_authorize(id, SECRET).unwrap();
    let refused = |error: windlass_store::Error| assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    refused(home.store.kv_update(&grant, &policy("")).await.unwrap_err());
    home.store.kv_update(&grant, &policy("other")).await.unwrap();
    assert_eq!(home.store.kv_authorize(id, SECRET).unwrap_err().kind(), ErrorKind::WrongKey);
    home.store.kv_authorize(id, Some("other")).unwrap();
    for long in [KvPolicy { read_key: Some("x".repeat(1_025)), ..KvPolicy::default() }] {
        refused(home.store.kv_update(&grant, &long).await.unwrap_err());
    }
    let open = home.store.kv_create(None, &KvPolicy::default()).await.unwrap();
    let anybody = home.store.kv_authorize(open, None).unwrap();
    assert_eq!(home.store.kv_update(&anybody, &policy("mine")).await.unwrap_err().kind(), ErrorKind::AccessDenied);
    assert_eq!(home.store.kv_drop(&anybody).await.unwrap_err().kind(), ErrorKind::AccessDenied);
}
