//! `distri check`.

use std::time::Duration;

use distri_host::{Error, ErrorKind, Limits};
use serde_json::{Value, json};

use super::build::warn_of_nothing;
use super::list::count;
use crate::args::{Args, Check};
use crate::failure::{Failure, diagnostic_json};
use crate::{output, session, terminal};

/// What a plugin's top level and its description of itself may use.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.cpu = Duration::from_secs(5);
    limits.memory = 64 << 20;
    limits
}

pub(crate) async fn run(args: &Args, check: &Check) -> Result<(), Failure> {
    let workspace = session::workspace(args)?;
    session::warn_of_passed_over(&workspace)?;
    let agents = session::agents(&workspace)?;
    let host = session::builder().limits(limits()).build()?;
    let progress = terminal::Progress::new();
    progress.now("checking");
    let workspace = session::showing(workspace, &progress, args.json);
    let checks = workspace
        .check(&host, &agents, check.package.as_deref(), |check| {
            if args.json {
                return;
            }
            progress.done(|| {
                for warning in &check.warnings {
                    terminal::warning(&format!("{}: {warning}", check.name));
                }
                for error in &check.errors {
                    terminal::diagnostic(error);
                }
                if let Some(artifact) = &check.artifact {
                    terminal::say(&format!(
                        "{}: a plugin of distri:plugin@{}, {}, {}",
                        check.name,
                        artifact.abi,
                        count(artifact.tools.len(), "tool"),
                        count(artifact.workflows.len(), "workflow")
                    ));
                } else if !check.name.is_empty() {
                    terminal::say(&format!("{}: not a plugin", check.name));
                }
            });
        })
        .await?;
    drop(progress);
    if checks.is_empty()
        && let Some(package) = &check.package
    {
        let error = Error::new(ErrorKind::NotFound, format!("there is no package `{package}`"));
        let packages = workspace.packages()?;
        let names = packages.iter().flatten().map(|found| found.manifest.package.as_str());
        let hint =
            distri_manifest::suggestion(package, names.clone()).unwrap_or_else(|| {
                match names.collect::<Vec<_>>().join("`, `") {
                    none if none.is_empty() => {
                        format!("there is none in `{}`", workspace.root().display())
                    }
                    names => format!("there are `{names}`"),
                }
            });
        return Err(Failure::Usage(error.with_hint(hint)));
    }
    let report: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "package": check.name,
                "abi": check.artifact.as_ref().map(|artifact| &artifact.abi),
                "errors": check.errors.iter().map(|error| diagnostic_json(error)).collect::<Vec<_>>(),
                "warnings": check.warnings,
            })
        })
        .collect();
    if args.json {
        output::json(&report);
    } else if checks.is_empty() {
        warn_of_nothing(&workspace, "check");
    }
    if checks.iter().all(|check| check.errors.is_empty()) { Ok(()) } else { Err(Failure::Reported) }
}
