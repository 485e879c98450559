//! The workspace and the host of one command.

use std::path::PathBuf;
use std::sync::Arc;

use distri_builder::{BundlerProcess, Listener};
use distri_host::{
    Artifact, Catalog, CompilerProcess, Error, ErrorKind, Host, HostBuilder, Policy,
};
use distri_manifest::{PackageName, suggestion};
use distri_workspace::{
    Agent, Audit, ScriptedAgents, SecretStore, Workspace, find_root, load_agents,
};
use miette::Diagnostic as _;

use crate::args::Args;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::stacks::Stacks;
use crate::terminal;

/// The workspace that the command is about. Says which it is where it is not the
/// current folder.
pub(crate) fn workspace(args: &Args) -> Result<Workspace, Failure> {
    let current = current()?;
    let root = find_root(&current, args.directory.as_deref())?;
    if current.canonicalize().ok().as_ref() != Some(&root) {
        terminal::say(&format!("workspace: {}", root.display()));
    }
    let workspace = Workspace::at(root);
    // Without it, sources are bundled in this process.
    let Ok(program) = std::env::current_exe() else { return Ok(workspace) };
    let arguments = vec![crate::args::BUNDLE.to_owned()];
    Ok(workspace.with_bundler(BundlerProcess { program, arguments }))
}

/// Says what in `plugins/` has code and is passed over, and returns what it said.
pub(crate) fn warn_of_passed_over(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let passed_over = workspace.passed_over()?.into_iter();
    Ok(passed_over
        .map(|passed_over| {
            let warning = passed_over.to_string();
            terminal::warning(&warning);
            if let Some(help) = passed_over.help() {
                terminal::note("hint", &help.to_string());
            }
            warning
        })
        .collect())
}

/// The current folder.
pub(crate) fn current() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|source| {
        Failure::Workspace(distri_workspace::WorkspaceError::Io { path: ".".into(), source })
    })
}

/// Shows, on standard error, what a build or a check of the workspace does that takes
/// long.
pub(crate) fn showing(
    workspace: Workspace,
    progress: &terminal::Progress,
    quiet: bool,
) -> Workspace {
    if quiet {
        return workspace;
    }
    let progress = progress.clone();
    workspace.reporting(Listener::new(move |package, doing| {
        progress.during(format!("{package}: cargo compiles {doing}"));
    }))
}

/// What was built, and a warning for each package whose record is not used.
pub(crate) fn catalog(workspace: &Workspace) -> Result<Catalog, Failure> {
    let catalog = workspace.catalog()?;
    for (package, why) in &catalog.refused {
        terminal::warning(&format!("the record of `{package}` {why}, and is not used"));
        terminal::note("hint", "run `distri build`: it builds the package anew");
    }
    if catalog.packages.is_empty() && catalog.refused.is_empty() {
        terminal::warning("nothing is built here yet; run `distri build`");
    }
    Ok(catalog)
}

/// A host that answers `callAgent` from the workspace's agents, with the operator's
/// secrets, under this policy.
pub(crate) fn host(
    workspace: &Workspace,
    policy: Policy,
    audit: Option<Arc<Audit>>,
) -> Result<Host, Failure> {
    let agents = ScriptedAgents::new(agents(workspace)?);
    let (secrets, stacks) = (SecretStore::of_user()?, Stacks::of(workspace));
    let services = Operator { agents, secrets, audit, stacks };
    Ok(builder().services(services).policy(policy).build()?)
}

/// What was built of a package.
pub(crate) fn artifact(workspace: &Workspace, package: &str) -> Result<Artifact, Failure> {
    let mut catalog = workspace.catalog()?;
    catalog.proven(package)?;
    if let Some(artifact) = catalog.packages.remove(package) {
        return Ok(artifact);
    }
    let names = catalog.packages.keys().map(PackageName::as_str);
    let hint = suggestion(package, names.clone()).unwrap_or_else(|| {
        let names: Vec<&str> = names.collect();
        match names.as_slice() {
            [] => "nothing is built here yet; run `distri build`".to_owned(),
            names => format!("built are `{}`", names.join("`, `")),
        }
    });
    let message = format!("there is no built package `{package}`");
    Err(Failure::Usage(Error::new(ErrorKind::NotFound, message).with_hint(hint)))
}

/// A host that compiles by starting this program again.
pub(crate) fn builder() -> HostBuilder {
    // Without it, components are compiled in this process.
    let Ok(program) = std::env::current_exe() else { return Host::builder() };
    let arguments = vec![crate::args::COMPILE.to_owned()];
    Host::builder().compiler(CompilerProcess { program, arguments })
}

/// The workspace's agents. A bad one is reported and left out.
pub(crate) fn agents(workspace: &Workspace) -> Result<Vec<Agent>, Failure> {
    let mut agents = Vec::new();
    for agent in load_agents(workspace.root())? {
        match agent {
            Ok(agent) => agents.push(agent),
            Err(error) => {
                terminal::warning("an agent is left out");
                terminal::diagnostic(&error);
            }
        }
    }
    Ok(agents)
}
