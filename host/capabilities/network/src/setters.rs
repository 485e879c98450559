//! The texts that a guest gives a request that is not sent yet. They lie in the
//! host's memory, as many as the guest has handles: each is short.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types as p2;
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::http::types as p3;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpView};

/// Bytes of the headers that a guest makes, about: twice what servers take.
const FIELDS: usize = 16 << 10;

/// Longest path with its query: twice what servers take.
const PATH: usize = 16 << 10;

/// Longest host, with a port.
const AUTHORITY: usize = 300;

/// Longest method, and longest scheme.
const NAME: usize = 64;

/// The interfaces that the setters are of, as wasmtime links them.
const P2: &str = "wasi:http/types@0.2.12";
const P3: &str = "wasi:http/types@0.3.0";

/// What wasi:http keeps for a store.
pub fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS);
    context
}

/// Setters of one version in place of wasmtime's: they refuse a text that is too
/// long, and leave the rest to it.
macro_rules! shadow {
    ($linker:ident, $interface:ident, $name:literal, $types:ident::$of:ident, $request:ty) => {
        use $types::$of as Of;
        let mut interface = $linker.instance($interface)?;
        type Method = $types::Method;
        type Scheme = Option<$types::Scheme>;
        type Text = Option<String>;
        shadow!(interface, $name, "method", Of::set_method, $request, Method, |it| {
            !matches!(it, $types::Method::Other(name) if name.len() > NAME)
        });
        shadow!(interface, $name, "scheme", Of::set_scheme, $request, Scheme, |it| {
            !matches!(it, Some($types::Scheme::Other(name)) if name.len() > NAME)
        });
        shadow!(interface, $name, "authority", Of::set_authority, $request, Text, |it| {
            it.as_ref().is_none_or(|host| host.len() <= AUTHORITY)
        });
        shadow!(interface, $name, "path-with-query", Of::set_path_with_query, $request, Text, |it| {
            it.as_ref().is_none_or(|path| path.len() <= PATH)
        });
    };
    ($interface:ident, $name:literal, $part:literal, $set:expr, $request:ty, $value:ty, $fits:expr) => {
        $interface.func_wrap(
            concat!("[method]", $name, ".set-", $part),
            |mut store: StoreContextMut<'_, T>, (request, value): (Resource<$request>, $value)| {
                let fits: fn(&$value) -> bool = $fits;
                let done = if fits(&value) {
                    $set(&mut store.data_mut().http(), request, value)?
                } else {
                    Err(())
                };
                Ok((done,))
            },
        )?;
    };
}

/// Links the setters, over wasmtime's.
pub fn shadow<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    {
        shadow!(linker, P2, "outgoing-request", p2::HostOutgoingRequest, HostOutgoingRequest);
    }
    {
        shadow!(linker, P3, "request", p3::HostRequest, Request);
    }
    Ok(())
}
