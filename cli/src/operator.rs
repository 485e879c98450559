//! What the operator's side of a call is: agents, secrets, approvals, an audit.

use std::io::IsTerminal as _;
use std::sync::Arc;

use async_trait::async_trait;
use distri_host::{
    AgentCall, Artifact, Caller, Capability, Decision, Error, ErrorKind, ExposedDatabase, Granted,
    HostServices, LogRecord, Policy, Result as HostResult,
};
use distri_manifest::PackageName;
use distri_workspace::{
    Approvals, Audit, Changed, ScriptedAgents, SecretStore, Workspace, needing_approval,
};

use crate::failure::Failure;
use crate::stacks::Stacks;
use crate::terminal;

/// The services of the host of one command.
pub(crate) struct Operator {
    pub(crate) agents: ScriptedAgents,
    pub(crate) secrets: SecretStore,
    /// For a call that is audited.
    pub(crate) audit: Option<Arc<Audit>>,
    pub(crate) stacks: Stacks,
}

#[async_trait]
impl HostServices for Operator {
    async fn call_agent(&self, call: AgentCall) -> HostResult<String> {
        self.agents.call_agent(call).await
    }

    async fn get_secret(&self, _: &str, name: &str) -> HostResult<Option<String>> {
        let (secrets, name) = (self.secrets.clone(), name.to_owned());
        // No other call waits while the file is read.
        let read = tokio::task::spawn_blocking(move || secrets.get(&name)).await;
        read.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()).with_source(error))
    }

    fn observe_use(&self, caller: &Caller, capability: Capability<'_>, granted: bool) {
        if let Some(audit) = &self.audit {
            audit.observe(&caller.package, capability, granted);
            audit.observe_chain(&caller.package, &caller.chain, capability);
        }
    }

    fn log(&self, mut record: LogRecord) {
        record.message = self.stacks.in_log(&record.package, record.message);
        ().log(record);
    }
}

/// What of a package's request nothing grants yet.
pub(crate) fn pending(artifact: &Artifact, policy: &Policy) -> Vec<Decision> {
    let asked = needing_approval(&artifact.capabilities);
    let mut decisions = distri_host::decisions(&artifact.package, &asked, policy);
    decisions.retain(|decision| decision.granted != Granted::Whole);
    decisions
}

/// Asks, on a terminal, for what a package needs and nothing grants yet; elsewhere
/// says that it is missing.
pub(crate) fn ask_for_pending(
    workspace: &Workspace,
    artifact: &Artifact,
    policy: &mut Policy,
    quiet: bool,
) -> Result<(), Failure> {
    let pending = pending(artifact, policy);
    if pending.is_empty() || quiet {
        return Ok(());
    }
    let package = &artifact.package;
    if !policy.approvals || !on_terminal() {
        let wanted: Vec<String> = pending.iter().map(describe).collect();
        terminal::warning(&format!("`{package}` was not granted {}", wanted.join(", ")));
        terminal::note(
            "hint",
            &if policy.approvals {
                format!("run `distri approve {package}`")
            } else {
                "the policy must allow it: `distri grants` shows what it does".to_owned()
            },
        );
        return Ok(());
    }
    // An approval is for all that is asked for: all of it is shown.
    let asked = needing_approval(&artifact.capabilities);
    if confirm(package, &distri_host::decisions(package, &asked, policy))? {
        let approvals = Approvals::of_user(workspace.root())?;
        approvals.approve(artifact)?;
        approvals.extend(policy)?;
    }
    Ok(())
}

/// Says which secrets a package may see or use that have no value.
pub(crate) fn unset_secrets(artifact: &Artifact, policy: &Policy) -> Result<Vec<String>, Failure> {
    let store = SecretStore::of_user()?;
    let allowed = policy.allowance(artifact.package.as_str());
    let mut unset = Vec::new();
    for secret in artifact.capabilities.secrets.iter().filter(|secret| allowed.secret(secret)) {
        let name = secret.name.as_str();
        if store.get(name)?.is_none() {
            unset
                .push(format!("the secret `{name}` has no value: run `distri secrets set {name}`"));
        }
    }
    Ok(unset)
}

/// The databases that are not opened, since a package of the workspace may write where
/// they lie.
pub(crate) fn exposed(
    workspace: &Workspace,
    policy: &Policy,
) -> Result<Vec<ExposedDatabase>, Failure> {
    let catalog = workspace.catalog()?;
    let packages = catalog.packages.values();
    let packages = packages.map(|artifact| (&artifact.package, &artifact.capabilities));
    Ok(distri_host::exposed_databases(policy, workspace.root(), packages))
}

/// Tells the operator of packages that are not what they were when they were approved,
/// and returns what it said of each in a line.
pub(crate) fn warn_of_changes<'a>(
    workspace: &Workspace,
    artifacts: impl IntoIterator<Item = &'a Artifact>,
) -> Result<Vec<String>, Failure> {
    let mut said = Vec::new();
    for Changed { package, approved, what, .. } in
        Approvals::of_user(workspace.root())?.changes(artifacts)?
    {
        let since = approved.map(|when| format!(" on {when}")).unwrap_or_default();
        let changed = format!("`{package}` changed since you approved it{since}:");
        terminal::warning(&changed);
        said.push(format!("{changed} {}", what.join("; ")));
        for change in what {
            terminal::say(&format!("  {change}"));
        }
        terminal::note(
            "hint",
            &format!(
                "look at what changed, then run `distri approve {package}` again, or with `--revoke`"
            ),
        );
    }
    Ok(said)
}

/// Whether somebody can be asked.
pub(crate) fn on_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Shows what is asked for and waits for a yes.
pub(crate) fn confirm(package: &PackageName, asked: &[Decision]) -> Result<bool, Failure> {
    terminal::say(&format!("`{package}` asks for:"));
    for decision in asked {
        let granted = decision.granted == Granted::Whole;
        let note = if granted { " (granted already)" } else { "" };
        terminal::say(&format!("  {}{note}", describe(decision)));
    }
    terminal::ask(&format!("Allow `{package}` this, from now on? [y/N] ")).map_err(|error| {
        Failure::Host(Error::new(ErrorKind::Internal, format!("cannot read an answer: {error}")))
    })
}

/// One line of what is asked for, for people.
pub(crate) fn describe(decision: &Decision) -> String {
    format!("the {} {}", decision.capability.noun(), decision.request)
}
