//! `distri:plugin/waiting`: what a script waits for and may give up. The engine cannot
//! take back a call of its own, and one that is pending keeps an instance busy.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi_http::p3::bindings::http::client::HostWithStore as _;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

use crate::Outgoing;
use crate::waiting::bindings::distri::plugin::waiting;

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/v0.3",
        inline: "
            package distri:waiting;
            world waiting {
                import distri:plugin/waiting@0.3.0;
            }
        ",
        world: "distri:waiting/waiting",
        imports: {
            "distri:plugin/waiting.sleep": store | trappable,
            "distri:plugin/waiting.send": store | trappable,
            default: trappable,
        },
        with: {
            "wasi:http": wasmtime_wasi_http::p3::bindings::http,
            "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
        },
    });
}

/// What a store's guest waits for, by its numbers. A wait ends when its sender is dropped.
pub type Waits = HashMap<u32, oneshot::Sender<()>>;

/// What a store has for its guest's waiting.
pub struct WaitingCtx<'a> {
    /// What is waited for.
    pub waits: &'a mut Waits,
    /// What sends requests.
    pub outgoing: &'a Outgoing,
}

/// A store whose guest may give up what it waits for.
pub trait WaitingView: WasiHttpView + Send + 'static {
    /// What it has for that.
    fn waiting(&mut self) -> WaitingCtx<'_>;
}

struct HasWaiting;

impl HasData for HasWaiting {
    type Data<'a> = WaitingCtx<'a>;
}

/// Links the interface.
pub fn add_to_linker<T: WaitingView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    waiting::add_to_linker::<T, HasWaiting>(linker, T::waiting)
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
async fn unless_given_up<T: WaitingView, R>(
    store: &Accessor<T, HasWaiting>,
    id: u32,
    work: impl Future<Output = R>,
) -> Option<R> {
    let (sender, given_up) = oneshot::channel();
    store.with(|mut store| keep(store.get().waits, id, sender));
    tokio::select! {
        biased;
        _ = given_up => None,
        result = work => {
            store.with(|mut store| store.get().waits.remove(&id));
            Some(result)
        }
    }
}

impl<T: WaitingView> waiting::HostWithStore<T> for HasWaiting {
    async fn sleep(store: &Accessor<T, Self>, id: u32, duration: u64) -> wasmtime::Result<()> {
        let time = tokio::time::sleep(Duration::from_nanos(duration));
        unless_given_up(store, id, time).await;
        Ok(())
    }

    async fn send(
        store: &Accessor<T, Self>,
        id: u32,
        request: Resource<Request>,
    ) -> wasmtime::Result<Result<Resource<Response>, ErrorCode>> {
        let http = store.with_getter::<WasiHttp>(T::http);
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

impl waiting::Host for WaitingCtx<'_> {
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
