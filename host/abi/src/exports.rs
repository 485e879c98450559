//! The versions of the ABI that the host serves. What is here picks one from a
//! component's exports and calls them; nothing behind it knows which it is.

use distri_call::{ItemKind, ToolResult as Answer};
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime::{AsContextMut as _, Store};

use crate::bindings::v02::exports::distri::plugin as v02;
use crate::bindings::v03::exports::distri::plugin as v03;
use crate::bindings::{ExecutionContext, ToolCall, ToolResult, WorkflowCall, WorkflowResult};

/// A version of `distri:plugin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// 0.2: all functions are sync.
    Sync,
    /// 0.3: functions that wait are async.
    Async,
}

impl Track {
    /// The version, as in the name of an interface.
    pub fn version(self) -> &'static str {
        match self {
            Self::Sync => "0.2.0",
            Self::Async => "0.3.0",
        }
    }

    /// The full name of one of its interfaces.
    pub fn interface(self, name: &str) -> String {
        format!("distri:plugin/{name}@{}", self.version())
    }
}

/// The two interfaces of a track that a plugin may export.
struct Pair<T, W> {
    tool: Option<T>,
    workflow: Option<W>,
}

impl<T, W> Pair<T, W> {
    /// Finds what is exported; none when it is neither.
    fn find(
        component: &Component,
        track: Track,
        tool: impl FnOnce() -> wasmtime::Result<T>,
        workflow: impl FnOnce() -> wasmtime::Result<W>,
    ) -> wasmtime::Result<Option<Self>> {
        let has = |name| component.get_export_index(None, track.interface(name)).is_some();
        let pair = Self {
            tool: has("tool").then(tool).transpose()?,
            workflow: has("workflow").then(workflow).transpose()?,
        };
        Ok((pair.tool.is_some() || pair.workflow.is_some()).then_some(pair))
    }
}

/// Where a plugin's functions are.
pub struct Exports(Tracks);

enum Tracks {
    Sync(Pair<v02::tool::GuestIndices, v02::workflow::GuestIndices>),
    Async(Pair<v03::tool::GuestIndices, v03::workflow::GuestIndices>),
}

/// What is asked of a tool or workflow.
pub struct Call {
    /// Of what kind the item is.
    pub kind: ItemKind,
    /// The call's name.
    pub id: String,
    /// The item's name.
    pub name: String,
    /// JSON.
    pub input: String,
    /// On whose behalf it is.
    pub context: ExecutionContext,
}

impl Exports {
    /// Finds the exports of a track that the host serves; none when there are
    /// none of any.
    pub fn find<S>(component: &Component, pre: &InstancePre<S>) -> wasmtime::Result<Option<Self>> {
        let newer = Pair::find(
            component,
            Track::Async,
            || v03::tool::GuestIndices::new(pre),
            || v03::workflow::GuestIndices::new(pre),
        )?;
        if let Some(pair) = newer {
            return Ok(Some(Self(Tracks::Async(pair))));
        }
        let older = Pair::find(
            component,
            Track::Sync,
            || v02::tool::GuestIndices::new(pre),
            || v02::workflow::GuestIndices::new(pre),
        )?;
        Ok(older.map(|pair| Self(Tracks::Sync(pair))))
    }

    /// The track.
    pub fn track(&self) -> Track {
        match self.0 {
            Tracks::Sync(_) => Track::Sync,
            Tracks::Async(_) => Track::Async,
        }
    }

    /// Calls a tool or workflow.
    pub async fn call<S: Send>(
        &self,
        store: &mut Store<S>,
        instance: &Instance,
        call: Call,
    ) -> wasmtime::Result<Answer> {
        let Call { kind, id, name, input, context } = call;
        let missing = || wasmtime::Error::msg(format!("the component has no {}s", kind.as_str()));
        let (result, error) = match (&self.0, kind) {
            (Tracks::Sync(pair), ItemKind::Tool) => {
                let indices = pair.tool.as_ref().ok_or_else(missing)?;
                let guest = indices.load(&mut *store, instance)?;
                let call = ToolCall { id, name, input };
                let ToolResult { result, error } =
                    guest.call_execute_tool(store, &call, &context).await?;
                (result, error)
            }
            (Tracks::Sync(pair), ItemKind::Workflow) => {
                let indices = pair.workflow.as_ref().ok_or_else(missing)?;
                let guest = indices.load(&mut *store, instance)?;
                let call = WorkflowCall { id, name, input };
                let WorkflowResult { result, error } =
                    guest.call_execute_workflow(store, &call, &context).await?;
                (result, error)
            }
            (Tracks::Async(pair), ItemKind::Tool) => {
                let indices = pair.tool.as_ref().ok_or_else(missing)?;
                let call = ToolCall { id, name, input };
                let called = store.run_concurrent(async |accessor| {
                    let guest = accessor
                        .with(|mut access| indices.load(access.as_context_mut(), instance))?;
                    guest.call_execute_tool(accessor, call, context).await
                });
                let ToolResult { result, error } = called.await??;
                (result, error)
            }
            (Tracks::Async(pair), ItemKind::Workflow) => {
                let indices = pair.workflow.as_ref().ok_or_else(missing)?;
                let call = WorkflowCall { id, name, input };
                let called = store.run_concurrent(async |accessor| {
                    let guest = accessor
                        .with(|mut access| indices.load(access.as_context_mut(), instance))?;
                    guest.call_execute_workflow(accessor, call, context).await
                });
                let WorkflowResult { result, error } = called.await??;
                (result, error)
            }
        };
        Ok(Answer { result, error })
    }

    /// What a plugin says of its tools and of its workflows, as JSON; none of what
    /// it does not export.
    pub async fn describe<S: Send>(
        &self,
        store: &mut Store<S>,
        instance: &Instance,
    ) -> wasmtime::Result<(Option<String>, Option<String>)> {
        macro_rules! describe {
            ($pair:expr) => {{
                let tools = match &$pair.tool {
                    Some(indices) => {
                        let guest = indices.load(&mut *store, instance)?;
                        Some(guest.call_get_tool_info(&mut *store).await?)
                    }
                    None => None,
                };
                let workflows = match &$pair.workflow {
                    Some(indices) => {
                        let guest = indices.load(&mut *store, instance)?;
                        Some(guest.call_get_workflow_info(&mut *store).await?)
                    }
                    None => None,
                };
                (tools, workflows)
            }};
        }
        Ok(match &self.0 {
            Tracks::Sync(pair) => describe!(pair),
            Tracks::Async(pair) => describe!(pair),
        })
    }
}
