//! `distri build`.

use std::time::{Duration, Instant};

use distri_host::{Artifact, Decision, Policy, decisions};
use distri_manifest::MANIFEST_FILE;
use distri_workspace::{BuildEvent, BuildReport, PackageBuild, Workspace};
use serde_json::{Value, json};

use crate::args::{Args, Build};
use crate::failure::{Failure, diagnostic_json};
use crate::{operator, output, session, terminal};

pub(crate) async fn run(args: &Args, _: &Build) -> Result<(), Failure> {
    let began = Instant::now();
    let workspace = session::workspace(args)?;
    let passed_over = session::warn_of_passed_over(&workspace)?;
    // What is granted is not said to be waiting, and what is limited holds for compiling
    // too. A policy that cannot be read is said where it is needed.
    let policy = workspace.policy(None, false).unwrap_or_default();
    let building = Policy { limits: policy.limits.clone(), ..Policy::open_workspace() };
    let host = session::host(&workspace, building, None)?;
    let before = workspace.catalog().unwrap_or_default();
    let progress = terminal::Progress::new();
    let quiet = args.json;
    let workspace = session::showing(workspace, &progress, quiet);
    let report = workspace
        .build(&host, |event| match event {
            BuildEvent::Waiting => {
                let text = "another build of this workspace is running: waiting for its end";
                progress.now(text);
                progress.done(|| terminal::say(text));
            }
            BuildEvent::PreparingEngine => {
                progress.now("compiling the TypeScript engine (once per machine)");
                progress.done(|| {
                    if !quiet {
                        terminal::say("compiling the TypeScript engine (once per machine)");
                    }
                });
            }
            BuildEvent::Started(package) => progress.now(format!("building {package}")),
            BuildEvent::Callable(built) => progress.done(|| {
                if !quiet {
                    terminal::say(&line(built));
                    say_asked(
                        &built.artifact,
                        before.packages.get(&built.artifact.package),
                        &policy,
                    );
                    for warning in warnings(&workspace, built) {
                        terminal::warning(&format!("{}: {warning}", built.artifact.package));
                    }
                }
            }),
            BuildEvent::Failed(name, error) => progress.done(|| {
                if !quiet {
                    if !name.is_empty() {
                        terminal::say(&format!("{name}: not built"));
                    }
                    terminal::diagnostic(error);
                }
            }),
            BuildEvent::CatalogSetAside(path) => progress.done(|| {
                terminal::warning(&format!(
                    "the catalog was damaged; it is now `{}`",
                    path.display()
                ));
            }),
            _ => {}
        })
        .await?;
    drop(progress);
    let built = report.packages.iter().map(|built| &built.artifact);
    let mut warned = passed_over;
    warned.extend(operator::warn_of_changes(&workspace, built)?);

    if args.json {
        output::json(&json!({
            "packages": packages_json(&workspace, &report),
            "errors": errors_json(&report),
            "warnings": warned,
            "elapsed_ms": millis(began.elapsed()),
        }));
    } else {
        let (built, failed) = (report.packages.len(), report.failed.len());
        if built + failed == 0 {
            warn_of_nothing(&workspace, "build");
            return Ok(());
        }
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let packages = if built == 1 { "package" } else { "packages" };
        terminal::say(&format!("{built} {packages} built{failed} in {}", show(began.elapsed())));
    }
    if report.failed.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

/// Says that there is no package.
pub(crate) fn warn_of_nothing(workspace: &Workspace, what: &str) {
    let root = workspace.root();
    terminal::warning(&format!(
        "there is nothing to {what} in `{}`: no package in `plugins/` and no `src/mod.ts`",
        root.display()
    ));
    if root.join(MANIFEST_FILE).exists() {
        terminal::note(
            "hint",
            "this folder is a package: it belongs into `plugins/` of a workspace",
        );
    }
}

/// What of a package's manifest has no effect; said when it is built.
fn warnings(workspace: &Workspace, built: &PackageBuild) -> Vec<String> {
    if built.unchanged {
        return Vec::new();
    }
    let Artifact { package, folder, limits, instances, .. } = &built.artifact;
    workspace.ineffective_limits(package, folder, limits, instances)
}

/// What is in the catalog now, for machines.
fn packages_json(workspace: &Workspace, report: &BuildReport) -> Vec<Value> {
    report
        .packages
        .iter()
        .map(|built| {
            let artifact = &built.artifact;
            json!({
                "package": artifact.package,
                "version": artifact.version,
                "language": artifact.language,
                "digest": artifact.component,
                "bytes": artifact.size,
                "unchanged": built.unchanged,
                "callable_ms": millis(built.callable),
                "warnings": warnings(workspace, built),
            })
        })
        .collect()
}

/// What could not be built, for machines.
fn errors_json(report: &BuildReport) -> Vec<Value> {
    report
        .failed
        .iter()
        .map(|(name, error)| {
            let mut error = diagnostic_json(error);
            error["package"] = json!(name);
            error
        })
        .collect()
}

fn line(built: &PackageBuild) -> String {
    let artifact = &built.artifact;
    let name = format!("{} {}", artifact.package, artifact.version);
    if built.unchanged {
        format!("{name}: unchanged")
    } else if artifact.size == 0 {
        format!("{name}: agents only")
    } else {
        format!(
            "{name}: {} component of {}, callable after {}",
            language(&artifact.language),
            bytes(artifact.size),
            show(built.callable)
        )
    }
}

/// The language's name as people write it.
pub(crate) fn language(language: &str) -> &str {
    match language {
        "typescript" => "TypeScript",
        "rust" => "Rust",
        "component" => "ready-made",
        other => other,
    }
}

/// Bytes in the unit that suits them.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(bytes: u64) -> String {
    if bytes >= 1_000_000 {
        format!("{:.2} MB", bytes as f64 / 1e6)
    } else {
        format!("{:.0} kB", bytes as f64 / 1e3)
    }
}

/// Says what a package asks for that its build before did not: what it may have
/// widens at a build, and nowhere else.
fn say_asked(artifact: &Artifact, before: Option<&Artifact>, policy: &Policy) {
    let of = |artifact: &Artifact| {
        decisions(&artifact.package, &artifact.capabilities, &Policy::default())
    };
    let old = before.map(of).unwrap_or_default();
    let new: Vec<_> = of(artifact).into_iter().filter(|asked| !old.contains(asked)).collect();
    if new.is_empty() {
        return;
    }
    let package = &artifact.package;
    let word = if before.is_some() { "now asks" } else { "asks" };
    for asked in &new {
        terminal::say(&format!("{package}: {word} for {}", operator::describe(asked)));
    }
    let waiting = operator::pending(artifact, policy);
    let waits = |asked: &Decision| {
        waiting
            .iter()
            .any(|one| (one.capability, &one.request) == (asked.capability, &asked.request))
    };
    if new.iter().any(waits) {
        terminal::say(&format!("{package}: `distri approve {package}` grants it"));
    }
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn show(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(1) {
        format!("{} ms", elapsed.as_millis())
    } else {
        format!("{:.1} s", elapsed.as_secs_f64())
    }
}
