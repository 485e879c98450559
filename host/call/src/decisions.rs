//! What an operator is told about a grant: how much of each request there is in it.

use distri_manifest::{Capabilities, CapabilityKind, PackageName, Policy};

use crate::grant::Grant;

/// What a policy makes of one thing that a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Of what kind it is.
    pub capability: CapabilityKind,
    /// What is asked for, as a person reads it.
    pub request: String,
    /// How much of it is granted.
    pub granted: Granted,
}

/// How much of a request is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// All of it.
    Whole,
    /// Some of what it means, as of `*.example.com`.
    Part,
    /// Nothing.
    Nothing,
}

/// What a policy makes of everything that a package asks for.
pub fn decisions(package: &PackageName, asked: &Capabilities, policy: &Policy) -> Vec<Decision> {
    of(&Grant::new(package, asked, policy))
}

/// What becomes of each thing that is asked for.
pub fn of(grant: &Grant) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let mut decide = |capability, request: String, granted| {
        decisions.push(Decision { capability, request, granted });
    };
    let open = grant.open_workspace;
    let (asked, allowed) = (grant.asked(), &grant.allowed);
    for tool in &asked.tools {
        let own = tool.package() == Some(&grant.package);
        let whole = open || own || allowed.tools.iter().any(|a| a.covers(tool));
        let part = allowed.tools.iter().any(|a| tool.covers(a));
        decide(CapabilityKind::Tools, tool.to_string(), part_or(whole, part));
    }
    for agent in &asked.agents {
        let whole = open || allowed.agents.iter().any(|a| a.matches(agent.as_str()));
        let part = agent.as_str() == "*" && !allowed.agents.is_empty();
        decide(CapabilityKind::Agents, agent.to_string(), part_or(whole, part));
    }
    for secret in &asked.secrets {
        decide(CapabilityKind::Secrets, secret.to_string(), part_or(allowed.secret(secret), false));
    }
    for name in &asked.env {
        let whole = allowed.env.iter().any(|a| a.matches(name.as_str()));
        decide(CapabilityKind::Env, name.to_string(), part_or(whole, false));
    }
    for host in &asked.network.hosts {
        let whole = allowed.network.hosts.iter().any(|a| a.covers(host));
        let part = allowed.network.hosts.iter().any(|a| a.overlaps(host));
        decide(CapabilityKind::Network, host.to_string(), part_or(whole, part));
    }
    for folder in &asked.filesystem {
        let access = grant.folder(folder);
        decide(
            CapabilityKind::Filesystem,
            folder.to_string(),
            part_or(access == Some(folder.access), access.is_some()),
        );
    }
    for database in &asked.databases {
        let access = allowed.database(database.name.as_str(), database.access);
        decide(
            CapabilityKind::Databases,
            database.to_string(),
            part_or(access == Some(database.access), access.is_some()),
        );
    }
    for name in &asked.session {
        // Nobody's values but those of packages that ask for the same.
        decide(CapabilityKind::Session, name.to_string(), Granted::Whole);
    }
    decisions
}

fn part_or(whole: bool, part: bool) -> Granted {
    match (whole, part) {
        (true, _) => Granted::Whole,
        (false, true) => Granted::Part,
        (false, false) => Granted::Nothing,
    }
}
