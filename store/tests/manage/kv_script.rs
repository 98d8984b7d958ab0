//! Scripts of key-value buckets: they count like values, and go with their bucket.

use windlass_store::kv::{KvId, KvPolicy};
use windlass_store::plan::Plan;
use windlass_store::policy::Action;
use windlass_store::{ErrorKind, limit};

use crate::home::{Home, NOW, plan};

async fn bucket(home: &Home) -> KvId {
    let policy = KvPolicy { secret_key: Some("secret".to_owned()), ..KvPolicy::default() };
    home.store.kv_create(Some(&home.may(Action::CreateKvBucket)), &policy).await.unwrap()
}

#[tokio::test]
async fn scripts_count_for_the_organisation_and_its_plan_can_refuse_more() {
    let home = Home::new(Plan { max_storage_bytes: Some(20), ..plan() }).await;
    let grant = home.store.kv_authorize(bucket(&home).await, Some("secret")).unwrap();
    let put = |name: &str, bytes: usize| home.store.kv_put_script(&grant, name.to_owned(), "x".repeat(bytes));
    put("s", 9).await.unwrap();
    assert_eq!(home.stored(), 10);
    put("s", 19).await.unwrap();
    assert_eq!(home.stored(), 20);
    assert_eq!(put("t", 0).await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    assert_eq!(put("s", 20).await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    assert_eq!(home.store.kv_get_script(&grant, "s").unwrap().source, "x".repeat(19));
    put("s", 1).await.unwrap();
    assert_eq!(home.stored(), 2);
    home.store.kv_delete_script(&grant, "s".to_owned()).await.unwrap();
    assert_eq!(home.stored(), 0);
    assert_eq!(home.store.kv_delete_script(&grant, "s".to_owned()).await.unwrap_err().kind(), ErrorKind::NoSuchScript);
    put("t", 5).await.unwrap();
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn scripts_are_for_who_may_change_the_bucket_and_run_by_anybody() {
    let home = Home::new(plan()).await;
    let id = bucket(&home).await;
    let owner = home.store.kv_authorize(id, Some("secret")).unwrap();
    home.store.kv_put_script(&owner, "s".to_owned(), "x".to_owned()).await.unwrap();
    let anybody = home.store.kv_authorize(id, None).unwrap();
    let put = home.store.kv_put_script(&anybody, "s".to_owned(), String::new()).await;
    let deleted = home.store.kv_delete_script(&anybody, "s".to_owned()).await;
    let got = home.store.kv_get_script(&anybody, "s").map(drop);
    let listed = home.store.kv_list_scripts(&anybody).map(drop);
    for refused in [put, deleted, got, listed] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::AccessDenied);
    }
    assert_eq!(home.store.kv_script_to_run(&anybody, "s").unwrap().source, "x");
    assert_eq!(home.store.kv_script_to_run(&anybody, "t").unwrap_err().kind(), ErrorKind::NoSuchScript);
    let other = home.store.kv_authorize(bucket(&home).await, Some("secret")).unwrap();
    assert_eq!(home.store.kv_script_to_run(&other, "s").unwrap_err().kind(), ErrorKind::NoSuchScript);
}

#[tokio::test]
async fn they_are_listed_by_name_and_go_with_their_bucket() {
    let home = Home::new(plan()).await;
    let grant = home.store.kv_authorize(bucket(&home).await, Some("secret")).unwrap();
    for n in (0..limit::KV_SCRIPTS_PER_BUCKET_MAX).rev() {
        home.store.kv_put_script(&grant, format!("s{n:02}"), "x".repeat(n)).await.unwrap();
    }
    let one_more = home.store.kv_put_script(&grant, "more".to_owned(), String::new()).await;
    assert_eq!(one_more.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let listed = home.store.kv_list_scripts(&grant).unwrap();
    assert_eq!(listed.len(), limit::KV_SCRIPTS_PER_BUCKET_MAX);
    for (n, script) in listed.iter().enumerate() {
        assert_eq!((&*script.name, script.changed_ms, script.bytes), (&*format!("s{n:02}"), NOW, n as u64));
    }
    home.store.kv_drop(&grant).await.unwrap();
    assert_eq!(home.stored(), 0);
    home.clock.set(NOW + limit::KV_DELETED_MS);
    while home.store.kv_sweep_step().await.unwrap().more {}
    assert_eq!(home.store.kv_script_to_run(&grant, "s01").unwrap_err().kind(), ErrorKind::NoSuchScript);
    assert_eq!(home.check(), []);
}
