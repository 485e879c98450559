//! What a root call begins with: its frame, and whom it may call, the plugins as they
//! were then.

use std::sync::Arc;

use distri_call::frame::{Answer, Callees, Frame, Shared};
use distri_call::package::Package;
use distri_call::{
    Capability, Error, ErrorKind, ItemKind, LogLevel, Result, ToolCall, door, json, log,
};
use distri_manifest::{ItemName, ItemRef, PackageName};

use crate::calls::runner::Runner;
use crate::plugins::registry::Generation;

/// The frame of a call that comes from outside.
pub(crate) fn frame(
    runner: &Arc<Runner>,
    generation: Arc<Generation>,
    package: Arc<Package>,
    item: (ItemKind, String),
    call: &ToolCall,
) -> Arc<Frame> {
    let packages = Arc::clone(generation.packages());
    let callees = Box::new(Pinned { runner: Arc::clone(runner), generation });
    let memory = runner.limits.chain_bytes();
    let shared = Shared::new(Arc::clone(&runner.embedder), callees, packages, memory);
    Frame::root(shared, package, item, call)
}

/// What a root call may call: the plugins as they were when it began.
struct Pinned {
    runner: Arc<Runner>,
    generation: Arc<Generation>,
}

impl Callees for Pinned {
    fn call_tool<'a>(&'a self, caller: &'a Arc<Frame>, name: &'a str, input: String) -> Answer<'a> {
        Box::pin(self.call(caller, name, input))
    }
}

impl Pinned {
    /// A guest's `callTool`.
    async fn call(&self, caller: &Arc<Frame>, name: &str, input: String) -> Result<String> {
        let reference = ItemRef::parse(name);
        if let Some(package) = &reference.package
            && !caller.package.grant.knows(package)
            && let Ok(package) = PackageName::new(package)
            && let Ok(tool) = ItemName::new(&reference.item)
        {
            // Whether it is there is nothing that the caller learns.
            let target = format!("{package}/{tool}");
            door::authorise(caller, Capability::Tool(&target)).map_err(|error| {
                self.tell_of_absent(caller, &target);
                // The same whether it is there or not: the caller does not learn which.
                let hint = error.hint().unwrap_or_default();
                let hint = format!("if there is such a tool, {hint}; the host's log says whether");
                error.with_hint(hint)
            })?;
        }
        let (plugin, item) =
            self.generation.resolve(name, ItemKind::Tool, Some(&caller.package))?;
        let target = format!("{}/{item}", plugin.package.name);
        door::authorise_if(caller, Capability::Tool(&target), || {
            plugin.admits(&caller.package.name, &item)
        })?;
        let frame = caller.nested(Arc::clone(&plugin.package), ItemKind::Tool, item)?;
        json::check(&input, format_args!("the input of `{}`", frame.shown()), &frame.limits)?;
        let answer = self.runner.execute(&frame, plugin, input).await?;
        match answer.error {
            None => Ok(answer.result),
            Some(message) => {
                let detail = told_by(&frame.name(), answer.result);
                Err(Error::new(ErrorKind::GuestError, message).with_detail(detail))
            }
        }
    }

    /// Tells the operator, in the plugin's log, that what a plugin may not call is not
    /// there at all.
    fn tell_of_absent(&self, caller: &Frame, target: &str) {
        let found = self.generation.resolve(target, ItemKind::Tool, None);
        if let Err(error) = found {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            let words = format!("`{target}` cannot be called: {}{hint}", error.message());
            log::log(caller, LogLevel::Warn, &words);
        }
    }
}

/// What a tool told of its failure, with whose it is.
fn told_by(item: &str, detail: String) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&detail) {
        Ok(mut told) => {
            told.insert("item".to_owned(), item.into());
            serde_json::Value::Object(told).to_string()
        }
        Err(_) => detail,
    }
}
