//! The time that a request may take.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

/// What comes of a future; `None` if it takes longer than that. Most are ready at once, and for those no timer is made.
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => timeout(time, future).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn what_is_in_time_comes_through() {
        assert_eq!(within(Duration::ZERO, ready(1)).await, Some(1));
        let later = async {
            tokio::task::yield_now().await;
            2
        };
        assert_eq!(within(Duration::from_secs(60), later).await, Some(2));
        assert_eq!(within(Duration::from_millis(1), pending::<()>()).await, None);
    }
}
