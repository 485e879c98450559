//! WASI as plugins have it: everything is linked, a store's data decides what is
//! there, and what a plugin asks to see is recorded.

use distri_call::refused::Refused;
use distri_call::{Capability, Error, ErrorKind, door};
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::cli::WasiCliView as _;
use wasmtime_wasi::{WasiView as _, p2, p3};
use wasmtime_wasi_io::bindings::wasi::io::error;

use crate::store::state::State;

/// Links WASI 0.2 and 0.3, and wasi:http 0.2 and 0.3.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    p2::add_to_linker_async(linker)?;
    p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    linker.allow_shadowing(true);
    p2::bindings::cli::environment::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    p3::bindings::cli::environment::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    error::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    shadow_sockets(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Refuses a socket, or the lookup of a name for one: to reach `target`, where that is
/// known.
fn no_sockets(refused: &Refused, target: Option<&str>) {
    let Some(frame) = refused.frame() else { return };
    let package = &frame.package.name;
    let target = target.map(|target| frame.redact(target));
    let origin = format!("http://{}", target.as_deref().unwrap_or("…"));
    let capability = Capability::Network(&origin);
    frame.embedder().observe_use(&frame.caller(), capability, false);
    let (_, line) = capability.line(false);
    let what = target.map_or("open a socket".to_owned(), |target| format!("look `{target}` up"));
    let message = format!("`{package}` may not {what}: no plugin connects by itself");
    refused.tell(&Error::new(ErrorKind::Denied, message).with_hint(format!(
        "make an HTTP request (`fetch`, `wasi:http`), and add `{line}` to `[capabilities.network]` in its `distri.toml`"
    )));
}

/// Links what begins with sockets, over wasmtime's, which refuses it without a word.
fn shadow_sockets(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup as p2;
    use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, Network};
    use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup as p3;

    use wasmtime_wasi::p2::bindings::sockets::network::IpAddressFamily;
    use wasmtime_wasi::p2::bindings::sockets::{tcp, udp};
    use wasmtime_wasi::p3::bindings::sockets::types as sockets;

    macro_rules! shadow {
        ($interface:literal, $name:literal, $family:ty, $socket:ty, $error:ty) => {
            linker.instance($interface)?.func_wrap(
                $name,
                |store: StoreContextMut<'_, State>, _: ($family,)| {
                    no_sockets(&store.data().refused, None);
                    Ok((Err::<Resource<$socket>, $error>(<$error>::AccessDenied),))
                },
            )?;
        };
    }
    shadow!(
        "wasi:sockets/tcp-create-socket@0.2.12",
        "create-tcp-socket",
        IpAddressFamily,
        tcp::TcpSocket,
        ErrorCode
    );
    shadow!(
        "wasi:sockets/udp-create-socket@0.2.12",
        "create-udp-socket",
        IpAddressFamily,
        udp::UdpSocket,
        ErrorCode
    );
    shadow!(
        "wasi:sockets/types@0.3.0",
        "[static]tcp-socket.create",
        sockets::IpAddressFamily,
        sockets::TcpSocket,
        sockets::ErrorCode
    );
    shadow!(
        "wasi:sockets/types@0.3.0",
        "[static]udp-socket.create",
        sockets::IpAddressFamily,
        sockets::UdpSocket,
        sockets::ErrorCode
    );
    linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?.func_wrap(
        "resolve-addresses",
        |store: StoreContextMut<'_, State>, (_, name): (Resource<Network>, String)| {
            no_sockets(&store.data().refused, Some(&name));
            let refused: Result<Resource<p2::ResolveAddressStream>, _> =
                Err(ErrorCode::PermanentResolverFailure);
            Ok((refused,))
        },
    )?;
    linker.instance("wasi:sockets/ip-name-lookup@0.3.0")?.func_wrap_concurrent(
        "resolve-addresses",
        |accessor: &Accessor<State>, (name,): (String,)| {
            accessor.with(|mut store| no_sockets(&store.get().refused, Some(&name)));
            let refused: Result<Vec<p3::IpAddress>, _> =
                Err(p3::ErrorCode::PermanentResolverFailure);
            Box::pin(async move { Ok((refused,)) })
        },
    )
}

/// The state while a plugin asks what there is.
struct Asked<'a>(&'a mut State);

struct HasAsked;

impl HasData for HasAsked {
    type Data<'a> = Asked<'a>;
}

impl Asked<'_> {
    fn variables(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        if let Some(frame) = &self.0.frame {
            for name in &frame.package.grant.asked().env {
                let _ = door::authorise(frame, Capability::Env(name.as_str()));
            }
        }
        p2::bindings::cli::environment::Host::get_environment(&mut self.0.cli())
    }
}

impl p2::bindings::cli::environment::Host for Asked<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.variables()
    }

    /// No plugin has arguments.
    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl p3::bindings::cli::environment::Host for Asked<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.variables()
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn get_initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl error::Host for Asked<'_> {}

impl error::HostError for Asked<'_> {
    /// Without the backtrace that `RUST_BACKTRACE` adds: it tells of the host.
    fn to_debug_string(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<String> {
        Ok(format!("{:#}", self.0.ctx().table.get(&error)?))
    }

    fn drop(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<()> {
        error::HostError::drop(self.0.ctx().table, error)
    }
}
