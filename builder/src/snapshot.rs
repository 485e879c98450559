//! From a script to a component: the engine is initialised with the script, and
//! what its memories then hold becomes the component's first state.

use std::collections::HashMap;
use std::sync::Arc;

use distri_host::{Host, Initialised};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::engine::{Engine, strip};
use crate::{BuildError, Result};

/// What is run after a script. Compiling one leaves memory behind that is free and
/// full of its text, several times over, and a snapshot would keep all of it. What
/// is allocated here lies there, and is all zeroes. Sizes and amounts were found by
/// trying: of what a script of 120 KB adds to a component it takes a third.
fn scrub(script: &str) -> String {
    let each = script.len() * 2;
    let sizes = [64 << 10, 16 << 10, 4 << 10, 1 << 10].map(|size| (size, each / size + 1));
    let sizes = sizes.map(|(size, count)| format!("[{size},{count}]")).join(",");
    format!(
        "\n{{const zeroes=[];for(const [size,count] of [{sizes}])\
         for(let i=0;i<count;i++)zeroes.push(new ArrayBuffer(size));}}"
    )
}

/// Runs the script's top level and returns the component that continues there.
/// `what` names the package in errors.
pub(crate) async fn snapshot(
    host: &Host,
    engine: &Engine,
    script: &str,
    what: &str,
) -> Result<Vec<u8>> {
    // Which limit was hit, say, is the last of its reasons.
    let fault = |error: &dyn std::fmt::Display| {
        BuildError::other(format!("cannot take the snapshot: {error:#}"))
    };
    let script = format!("{script}{}", scrub(script));
    let initialised = host.initialise(Arc::clone(&engine.instrumented), &script, what).await?;
    let mut state = State { initialised, fault: None, lists: HashMap::new() };
    let component = Wizer::new().snapshot_component(&engine.context, &mut state).await;
    let component = component.map_err(|error| fault(&error))?;
    if let Some(error) = state.fault {
        return Err(fault(&error));
    }
    strip(&component).map_err(|error| fault(&error))
}

/// The initialised engine as the snapshot reads it. The reader's interface has
/// no errors, so that the first one is kept here.
struct State {
    initialised: Initialised,
    fault: Option<wasmtime::Error>,
    /// The lists as they were read last: the snapshot looks at each twice, and panics
    /// where the second time, past a limit, there is less.
    lists: HashMap<String, Vec<u8>>,
}

impl State {
    async fn read<T: wasmtime::component::Lift + Default + 'static>(
        &mut self,
        interface: &str,
        function: &str,
    ) -> T {
        match self.initialised.call(interface, function).await {
            Ok(value) => value,
            Err(error) => {
                self.fault.get_or_insert(error);
                T::default()
            }
        }
    }
}

impl ComponentInstanceState for State {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        let bytes: Vec<u8> = self.read(instance, func).await;
        let list = self.lists.entry(func.to_owned()).or_default();
        if self.fault.is_none() {
            *list = bytes;
        }
        contents(list);
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.read(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.read(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.read::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.read::<f64>(instance, func).await.to_bits()
    }
}
