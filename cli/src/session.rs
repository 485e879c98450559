//! The workspace and the host of one command.

use distri_host::{CompilerProcess, Host, HostBuilder};
use distri_workspace::{Agent, ScriptedAgents, Workspace, find_root, load_agents};

use crate::args::Args;
use crate::failure::Failure;
use crate::terminal;

/// The workspace that the command is about.
pub(crate) fn workspace(args: &Args) -> Result<Workspace, Failure> {
    let current = std::env::current_dir().map_err(|source| {
        Failure::Workspace(distri_workspace::WorkspaceError::Io { path: ".".into(), source })
    })?;
    Ok(Workspace::at(find_root(&current, args.directory.as_deref())?))
}

/// A host that answers `callAgent` from the workspace's agents.
pub(crate) fn host(workspace: &Workspace) -> Result<Host, Failure> {
    Ok(builder().services(ScriptedAgents::new(agents(workspace)?)).build()?)
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
