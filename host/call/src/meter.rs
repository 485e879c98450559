//! Time on a processor: how long a call's future is being polled, added up over
//! the call and everything it calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Limits;

/// What a call has used. What it uses counts for its callers too.
#[derive(Debug)]
pub struct Cpu {
    used: AtomicU64,
    limit: Duration,
    caller: Option<Arc<Cpu>>,
}

impl Cpu {
    /// Time for a call that is made by another, or by nobody.
    pub fn new(limit: Duration, caller: Option<Arc<Cpu>>) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), limit, caller })
    }

    /// What was used until the last poll or tick.
    pub fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.used.fetch_add(nanos, Ordering::Relaxed);
        if let Some(caller) = &self.caller {
            caller.add(time);
        }
    }

    /// Counts what somebody else computed for the call.
    ///
    /// # Errors
    ///
    /// The limit that is used up.
    pub fn spend(&self, time: Duration) -> Result<(), Duration> {
        self.add(time);
        self.exceeded().map_or(Ok(()), Err)
    }

    /// The limit that is used up, this call's or a caller's.
    fn exceeded(&self) -> Option<Duration> {
        if self.used() > self.limit {
            return Some(self.limit);
        }
        self.caller.as_ref()?.exceeded()
    }
}

/// The clock that runs while one call's future is polled.
#[derive(Debug)]
pub struct Meter {
    cpu: Arc<Cpu>,
    made: Instant,
    /// Nanoseconds from `made` to the last look.
    looked: AtomicU64,
}

impl Meter {
    /// A meter of what one of the call's stores takes.
    pub fn new(cpu: Arc<Cpu>) -> Arc<Self> {
        Arc::new(Self { cpu, made: Instant::now(), looked: AtomicU64::new(0) })
    }

    /// The meter of a store that serves no call.
    pub fn building(limits: &Limits) -> Arc<Self> {
        Self::new(Cpu::new(limits.cpu, None))
    }

    fn restart(&self) -> Duration {
        let now = u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(now.saturating_sub(self.looked.swap(now, Ordering::Relaxed)))
    }

    /// Counts what was used since the last look, or since the poll began, and says how
    /// long that is. Only while being polled.
    ///
    /// # Errors
    ///
    /// The limit that is used up.
    pub fn look(&self) -> Result<Duration, Duration> {
        let ran = self.restart();
        self.cpu.add(ran);
        self.cpu.exceeded().map_or(Ok(ran), Err)
    }

    /// Runs a future with the clock running while it is polled.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| {
            self.restart();
            let poll = work.as_mut().poll(cx);
            self.cpu.add(self.restart());
            poll
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_polling_counts_and_callers_pay() {
        let root = Cpu::new(Duration::from_secs(1), None);
        let call = Cpu::new(Duration::from_millis(20), Some(Arc::clone(&root)));
        let meter = Meter::new(Arc::clone(&call));
        let work = meter.run(async {
            std::thread::sleep(Duration::from_millis(15));
            tokio::time::sleep(Duration::from_millis(300)).await;
            std::thread::sleep(Duration::from_millis(15));
        });
        work.await;
        assert!(call.used() >= Duration::from_millis(30), "{call:?}");
        assert!(call.used() < Duration::from_millis(300), "{call:?}");
        assert_eq!(call.used(), root.used());
        assert_eq!(meter.look(), Err(Duration::from_millis(20)));
    }
}
