//! Running the cases, and what came of each.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use distri_host::{HostBuilder, ItemKind, Result};
use serde::Serialize;

use crate::cases::{Case, cases};
use crate::kit::Kit;

/// How long a case may take: longer than any call in it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status", content = "why")]
pub enum Status {
    /// As it must be.
    Passed,
    /// Not so, and why.
    Failed(String),
    /// The component does not have what the case needs.
    NotApplicable(String),
}

/// One case and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The case's name.
    pub case: &'static str,
    /// What the case demands.
    pub about: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub status: Status,
}

/// What a component did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of the ABI that it conforms to.
    pub abi: String,
    /// Every case, in the kit's order.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// How many cases passed, failed and did not apply.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Status) -> bool| {
            self.outcomes.iter().filter(|outcome| wanted(&outcome.status)).count()
        };
        (
            count(|status| *status == Status::Passed),
            count(|status| matches!(status, Status::Failed(_))),
            count(|status| matches!(status, Status::NotApplicable(_))),
        )
    }
}

/// Runs every case against a component. `builder` says where compiled code is
/// kept and how it is made; limits and services are the kit's own. `on` hears of
/// each case as it ends.
///
/// # Errors
///
/// When the component is not a plugin at all: everything that is wrong with it is
/// in the error.
pub async fn check(
    builder: HostBuilder,
    wasm: Vec<u8>,
    mut on: impl FnMut(&Outcome),
) -> Result<Report> {
    let kit = Kit::new(builder, wasm).await?;
    let mut outcomes = Vec::new();
    for case in cases() {
        let outcome = run(&kit, &case).await;
        on(&outcome);
        outcomes.push(outcome);
    }
    Ok(Report { abi: kit.info.abi.clone(), outcomes })
}

async fn run(kit: &Kit, case: &Case) -> Outcome {
    let has = |kind: ItemKind| -> BTreeSet<&str> {
        kit.info.items(kind).iter().map(|item| item.name.as_str()).collect()
    };
    let (tools, workflows) = (has(ItemKind::Tool), has(ItemKind::Workflow));
    let missing = case.needs.iter().find(|need| match need.strip_prefix("workflow ") {
        Some(name) => !workflows.contains(name),
        None => !tools.contains(**need),
    });
    let status = if let Some(missing) = missing {
        Status::NotApplicable(format!("it has no `{missing}`"))
    } else if case.overlaps && kit.info.abi.starts_with("0.2") {
        Status::NotApplicable("calls of the sync track wait one after another".to_owned())
    } else {
        kit.services.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
        match tokio::time::timeout(PATIENCE, (case.run)(kit)).await {
            Ok(Ok(())) => Status::Passed,
            Ok(Err(why)) => Status::Failed(why),
            Err(_) => Status::Failed(format!("it did not end within {PATIENCE:?}")),
        }
    };
    Outcome { case: case.name, about: case.about, status }
}
