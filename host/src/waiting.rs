//! `distri:plugin/waiting`: what a script waits for and may give up. The engine cannot
//! take back a call of its own, and one that is pending keeps an instance busy.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use wasmtime::component::{Accessor, HasSelf, Linker, Resource};
use wasmtime_wasi_http::p3::bindings::http::client::HostWithStore as _;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

use crate::bindings::web::distri::plugin::waiting;
use crate::state::State;

/// What a store's guest waits for, by its numbers. A wait ends when its sender is dropped.
pub(crate) type Waits = HashMap<u32, oneshot::Sender<()>>;

/// Links the interface.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    waiting::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// From so many waits on, those are looked for whose call the guest has cancelled
/// itself: nothing says that they are over.
const MANY: usize = 256;

fn keep(waits: &mut Waits, id: u32, sender: oneshot::Sender<()>) {
    if waits.len() >= MANY {
        waits.retain(|_, sender| !sender.is_closed());
    }
    waits.insert(id, sender);
}

/// What comes of it; none when it was given up.
async fn unless_given_up<T>(
    store: &Accessor<State, HasSelf<State>>,
    id: u32,
    work: impl Future<Output = T>,
) -> Option<T> {
    let (sender, given_up) = oneshot::channel();
    store.with(|mut store| keep(&mut store.get().waits, id, sender));
    tokio::select! {
        biased;
        _ = given_up => None,
        result = work => {
            store.with(|mut store| store.get().waits.remove(&id));
            Some(result)
        }
    }
}

impl waiting::HostWithStore<State> for HasSelf<State> {
    async fn sleep(store: &Accessor<State, Self>, id: u32, duration: u64) -> wasmtime::Result<()> {
        let time = tokio::time::sleep(Duration::from_nanos(duration));
        unless_given_up(store, id, time).await;
        Ok(())
    }

    async fn send(
        store: &Accessor<State, Self>,
        id: u32,
        request: Resource<Request>,
    ) -> wasmtime::Result<Result<Resource<Response>, ErrorCode>> {
        let http = store.with_getter::<WasiHttp>(State::http);
        match unless_given_up(store, id, WasiHttp::send(&http, request)).await {
            Some(Ok(response)) => Ok(Ok(response)),
            Some(Err(error)) => {
                let code = error.downcast()?;
                Ok(Err(store.with(|mut store| store.get().outgoing.in_full(code))))
            }
            None => Ok(Err(ErrorCode::InternalError(Some("given up".to_owned())))),
        }
    }
}

impl waiting::Host for State {
    fn give_up(&mut self, id: u32) -> wasmtime::Result<()> {
        self.waits.remove(&id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_whose_call_is_gone_take_no_memory() {
        let mut waits = Waits::new();
        let (sender, waiting) = oneshot::channel();
        keep(&mut waits, 0, sender);
        for id in 1..10_000 {
            keep(&mut waits, id, oneshot::channel().0);
        }
        assert!(waits.len() <= MANY + 1, "{}", waits.len());
        assert!(waits.contains_key(&0), "somebody still waits");
        drop(waiting);
    }
}
