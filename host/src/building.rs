//! What a builder needs of the host: code compiled ahead of its first call,
//! components described, and script engines initialised and read back. All of
//! it runs like a call, in a bounded store, with no grants and no frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use distri_artifact::Description;
use distri_call::blocking::blocking;
use distri_call::meter::Meter;
use distri_call::overrun::timed_out;
use distri_call::{Error, ErrorKind, Limits, Result, digest};
use wasmtime::Store;
use wasmtime::component::{Instance, Lift};

use crate::calls::instance;
use crate::calls::outcome::classify;
use crate::store::state::State;
use crate::{Host, store as stores};

/// What a script's top level, and a component that is asked what it offers, may use at
/// most.
struct Asking {
    cpu: Duration,
    memory: usize,
}

/// Enough for any language's runtime to start. Time on a processor: how busy the
/// machine is must not decide whether a plugin builds, and waiting for a processor that
/// others have counts a little.
const DESCRIBING: Asking = Asking { cpu: Duration::from_secs(5), memory: 64 << 20 };

/// How long the snapshot of an initialised engine may take to read: a few milliseconds
/// of work, on a machine that may have much else to do.
const READING: Duration = Duration::from_mins(1);

impl Asking {
    /// These bounds, where a host's own are not lower.
    fn of(&self, limits: &Limits) -> Limits {
        let mut bounded = limits.clone();
        bounded.cpu = bounded.cpu.min(self.cpu);
        bounded.memory = bounded.memory.min(self.memory);
        bounded
    }
}

impl Host {
    /// Compiles a component and keeps its image in the cache, so that its first
    /// call need not. Returns at once when the image is there.
    pub async fn compile(&self, wasm: Vec<u8>) -> Result<()> {
        let loader = Arc::clone(self.loader());
        blocking(move || loader.compiler.component(&wasm, &digest(&wasm)).map(drop)).await
    }

    /// Whether the image of the component with this digest is in the cache.
    pub fn is_compiled(&self, digest: &str) -> bool {
        let loader = self.loader();
        loader.compiler.has_image(digest)
    }

    /// What a component says it offers. `what` names it in errors.
    pub async fn describe(&self, wasm: Vec<u8>, what: &str) -> Result<Description> {
        let loader = Arc::clone(self.loader());
        let linked =
            blocking(move || loader.load(&wasm, &distri_call::digest::digest(&wasm))).await?;
        self.items(&linked, what, &DESCRIBING.of(self.limits())).await
    }

    /// Instantiates a script engine and runs a script's top level in it, with
    /// clocks and randomness standing still, for the builder to take a snapshot.
    ///
    /// # Errors
    ///
    /// `guest-error` with the script's own message when its top level throws;
    /// the kinds of a call for the rest.
    pub async fn initialise(
        &self,
        engine: Arc<[u8]>,
        script: &str,
        what: &str,
    ) -> Result<Initialised> {
        let loader = Arc::clone(self.loader());
        let (pre, init) = blocking(move || {
            loader.link_engine(
                &loader.compiler.component(&engine, &distri_call::digest::digest(&engine))?,
            )
        })
        .await?;
        let limits = &DESCRIBING.of(self.limits());
        let deadline = Instant::now() + limits.timeout;
        let state = State::for_build(limits, deadline, true);
        let mut store = stores::store(self.loader(), state, limits);
        // A snapshot copies whole memories out; the bound on them bounds it.
        store.set_hostcall_fuel(limits.memory.saturating_mul(2));
        let output = store.data().output.clone();
        let meter = Arc::clone(&store.data().meter);
        let work = meter.run(async {
            let instance = pre.instantiate_async(&mut store).await?;
            let result = instance::init(&mut store, &instance, init.as_ref(), script).await;
            wasmtime::Result::Ok((instance, result))
        });
        match tokio::time::timeout_at(deadline.into(), work).await {
            Err(_) => Err(timed_out(what, limits)),
            Ok(Ok((instance, Ok(())))) => {
                // What reads the snapshot is not the script's: it is neither long nor
                // the script's to pay for, however busy the machine is.
                let mut reading = limits.clone();
                reading.cpu = READING;
                store.data_mut().meter = Meter::building(&reading);
                store.data_mut().deadline = Instant::now() + READING;
                Ok(Initialised { store, instance })
            }
            Ok(Ok((_, Err(error)))) if error.downcast_ref::<instance::ScriptError>().is_some() => {
                Err(Error::new(ErrorKind::GuestError, error.to_string()).with_detail(output.text()))
            }
            Ok(Ok((_, Err(error))) | Err(error)) => Err(classify(error, what, limits, &output)),
        }
    }
}

/// A script engine after a script's top level ran.
pub struct Initialised {
    store: Store<State>,
    instance: Instance,
}

impl Initialised {
    /// Calls an exported function without parameters and returns its result.
    pub async fn call<T: Lift + 'static>(
        &mut self,
        interface: &str,
        function: &str,
    ) -> wasmtime::Result<T> {
        let missing = || wasmtime::Error::msg(format!("`{interface}` has no `{function}`"));
        let interface_index =
            self.instance.get_export_index(&mut self.store, None, interface).ok_or_else(missing)?;
        let index = self
            .instance
            .get_export_index(&mut self.store, Some(&interface_index), function)
            .ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (T,)>(&mut self.store, index)?;
        let (value,) = function.call_async(&mut self.store, ()).await?;
        Ok(value)
    }
}
