//! Waiting until a call's time is over, and no longer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use tokio::time::error::Elapsed;

/// What some work comes to by then. No timer is made for work that is ready at once,
/// as most of a short call's is.
///
/// # Errors
///
/// When it does not end by then.
pub async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => tokio::time::timeout_at(deadline.into(), work).await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_ready_needs_no_time_and_what_waits_ends_at_the_deadline() {
        let over = Instant::now();
        assert_eq!(within(over, async { 1 }).await.ok(), Some(1));
        assert!(within(over, std::future::pending::<()>()).await.is_err());
        let later = over + Duration::from_mins(1);
        let short = tokio::time::sleep(Duration::from_millis(5));
        assert!(within(later, short).await.is_ok());
        let before_its_end = within(over + Duration::from_millis(5), std::future::pending::<()>());
        assert!(before_its_end.await.is_err());
    }
}
