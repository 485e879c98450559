//! Calling a plugin with wasmtime and nothing else: no limits, no deadline, no
//! record of the call.

use anyhow::Context as _;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Accessor, Component, HasSelf, InstancePre, Linker, ResourceTable, ResourceType,
};
use wasmtime::{AsContextMut as _, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use self::bindings::distri::plugin::types::{CallError, ExecutionContext, LogLevel, ToolCall};
use self::bindings::exports::distri::plugin::tool;
use crate::plugins::{INPUT, TOOL};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/v0.3",
        world: "plugin",
        exports: { default: async },
    });
}

/// Longer than any benchmark, in ticks.
const NEVER: u64 = 1 << 40;

/// A linked plugin.
pub(crate) struct Bare {
    pre: InstancePre<State>,
    /// Where its tools are; none for one of another version of the ABI.
    tool: Option<tool::GuestIndices>,
}

/// What the plugin's WASI is made of.
#[derive(Default)]
struct State {
    hooks: NoHooks,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

#[derive(Default)]
struct NoHooks;

type SentRequest = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
);

impl WasiHttpHooks for NoHooks {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<SentRequest, wasmtime_wasi_http::Error>> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

impl Bare {
    pub(crate) fn new(engine: &Engine, component: &Component) -> anyhow::Result<Self> {
        let mut linker: Linker<State> = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        bindings::distri::plugin::host::add_to_linker::<State, HasSelf<State>>(
            &mut linker,
            |state| state,
        )?;
        trap_unused(&mut linker, component)?;
        let pre = linker.instantiate_pre(component)?;
        let tool = tool::GuestIndices::new(&pre).ok();
        Ok(Self { pre, tool })
    }

    /// An instance, which goes with what is returned.
    pub(crate) async fn instantiate(&self) -> anyhow::Result<impl Sized> {
        let mut store = Store::new(self.pre.engine(), State::default());
        store.set_epoch_deadline(NEVER);
        self.pre.instantiate_async(&mut store).await?;
        Ok(store)
    }

    /// One call on a fresh instance.
    pub(crate) async fn call(&self) -> anyhow::Result<String> {
        let tool = self.tool.as_ref().context("its ABI is another")?;
        let mut store = Store::new(self.pre.engine(), State::default());
        store.set_epoch_deadline(NEVER);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let call = ToolCall { id: "1".into(), name: TOOL.into(), input: INPUT.into() };
        let result = store
            .run_concurrent(async |accessor| {
                let guest =
                    accessor.with(|mut access| tool.load(access.as_context_mut(), &instance))?;
                guest.call_execute_tool(accessor, call, context()).await
            })
            .await??;
        anyhow::ensure!(result.error.is_none(), "the tool failed: {:?}", result.error);
        Ok(result.result)
    }

    /// Checks that the plugin answers.
    pub(crate) async fn check(&self) -> anyhow::Result<()> {
        let answer = self.call().await.context("bare wasmtime")?;
        anyhow::ensure!(answer == INPUT, "bare wasmtime answers {answer}");
        Ok(())
    }
}

/// What a plugin's engine could use of our interfaces, and these plugins do not.
/// `define_unknown_imports_as_traps` would take other versions of WASI for unknown.
fn trap_unused(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (interface, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        let known = ["distri:plugin/host@0.3", "distri:plugin/types@0.3"];
        if !interface.starts_with("distri:plugin/")
            || known.iter().any(|known| interface.starts_with(known))
        {
            continue;
        }
        let mut stub = linker.instance(interface)?;
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(function) if function.async_() => {
                    stub.func_new_concurrent(name, |_, _, _, _| {
                        Box::pin(async { wasmtime::bail!("not here") })
                    })?;
                }
                ComponentItem::ComponentFunc(_) => {
                    stub.func_new(name, |_, _, _, _| wasmtime::bail!("not here"))?;
                }
                ComponentItem::Resource(_) => {
                    // Some are those of wasi:http.
                    let resource = match name {
                        "request" => ResourceType::host::<Request>(),
                        "response" => ResourceType::host::<Response>(),
                        _ => ResourceType::host::<()>(),
                    };
                    stub.resource(name, resource, |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn context() -> ExecutionContext {
    ExecutionContext {
        call_id: "1".into(),
        agent_id: None,
        session_id: None,
        task_id: None,
        run_id: None,
        user_id: None,
        params: "{}".into(),
        secrets: Vec::new(),
        deadline_ms: None,
        idempotency_key: None,
        metadata: Vec::new(),
    }
}

fn nothing() -> CallError {
    CallError { kind: "not-found".into(), message: String::new(), hint: None, detail: None }
}

impl bindings::distri::plugin::host::HostWithStore<State> for HasSelf<State> {
    async fn call_tool(
        _: &Accessor<State, Self>,
        _: String,
        _: String,
    ) -> Result<String, CallError> {
        Err(nothing())
    }

    async fn call_agent(
        _: &Accessor<State, Self>,
        _: String,
        _: String,
        _: String,
    ) -> Result<String, CallError> {
        Err(nothing())
    }

    async fn get_session_value(
        _: &Accessor<State, Self>,
        _: String,
    ) -> Result<Option<String>, CallError> {
        Err(nothing())
    }

    async fn set_session_value(
        _: &Accessor<State, Self>,
        _: String,
        _: String,
    ) -> Result<(), CallError> {
        Err(nothing())
    }
}

impl bindings::distri::plugin::host::Host for State {
    fn log(&mut self, _: LogLevel, _: String) {}
}

impl bindings::distri::plugin::types::Host for State {}
