//! `distri grants`.

use distri_host::{Artifact, CapabilityKind, Granted, Policy, decisions};
use distri_workspace::{Approvals, Workspace};
use serde_json::{Value, json};

use super::list::table;
use crate::args::{Args, Grants};
use crate::failure::Failure;
use crate::{operator, output, session, terminal};

/// Who could grant something.
struct Sources {
    /// The workspace itself, for what stays in it.
    workspace: Policy,
    /// The operator's file.
    file: Policy,
    approvals: Policy,
    /// All of them together.
    whole: Policy,
}

/// One thing that a package asks for.
struct Row {
    capability: CapabilityKind,
    request: String,
    granted: Granted,
    by: Vec<&'static str>,
}

pub(crate) fn run(args: &Args, grants: &Grants) -> Result<(), Failure> {
    let workspace = session::workspace(args)?;
    let artifacts = match &grants.package {
        Some(package) => vec![session::artifact(&workspace, package)?],
        None => session::catalog(&workspace)?.packages.into_values().collect(),
    };
    if !grants.operator.locked {
        operator::warn_of_changes(&workspace, &artifacts)?;
    }
    if grants.package.is_none() {
        warn_of_leftovers(&workspace, &artifacts)?;
    }
    let sources = sources(&workspace, grants)?;
    for exposed in operator::exposed(&workspace, &sources.whole)? {
        let error = exposed.error();
        terminal::warning(error.message());
        terminal::note("hint", error.hint().unwrap_or_default());
    }
    let all: Vec<(&Artifact, Vec<Row>)> =
        artifacts.iter().map(|artifact| (artifact, rows(artifact, &sources))).collect();
    if args.json {
        let all: Vec<Value> = all
            .iter()
            .map(|(artifact, rows)| {
                json!({ "package": artifact.package, "requests": rows.iter().map(Row::json).collect::<Vec<_>>() })
            })
            .collect();
        output::json(&all);
        return Ok(());
    }
    for (at, (artifact, rows)) in all.into_iter().enumerate() {
        if at > 0 {
            output::line("");
        }
        output::line(artifact.package.as_str());
        if rows.is_empty() {
            output::line("  asks for nothing");
        }
        let waiting = rows.iter().any(|row| row.granted != Granted::Whole);
        table(rows.iter().map(Row::cells).collect());
        if waiting && sources.whole.approvals {
            output::line(&format!(
                "  `distri approve {}` grants what is asked for",
                artifact.package
            ));
        }
    }
    Ok(())
}

/// Says what was approved and is not there any more: another package of that name
/// would have it.
fn warn_of_leftovers(workspace: &Workspace, artifacts: &[Artifact]) -> Result<(), Failure> {
    for package in Approvals::of_user(workspace.root())?.all()?.into_keys() {
        if artifacts.iter().all(|artifact| artifact.package != package) {
            terminal::warning(&format!("`{package}` is approved, and not built here"));
            terminal::note(
                "hint",
                &format!("run `distri approve {package} --revoke`, unless it comes back"),
            );
        }
    }
    Ok(())
}

fn sources(workspace: &Workspace, grants: &Grants) -> Result<Sources, Failure> {
    let operator = &grants.operator;
    let file = workspace.policy(operator.policy.as_deref(), true)?;
    let mut approvals = Policy::default();
    if !operator.locked {
        Approvals::of_user(workspace.root())?.extend(&mut approvals)?;
    }
    let open_workspace = !operator.locked;
    Ok(Sources {
        workspace: Policy { open_workspace, ..Policy::default() },
        file,
        approvals,
        whole: workspace.policy(operator.policy.as_deref(), operator.locked)?,
    })
}

fn rows(artifact: &Artifact, sources: &Sources) -> Vec<Row> {
    let of = |policy| decisions(&artifact.package, &artifact.capabilities, policy);
    let by = [
        ("workspace", of(&sources.workspace)),
        ("policy", of(&sources.file)),
        ("approval", of(&sources.approvals)),
    ];
    of(&sources.whole)
        .into_iter()
        .enumerate()
        .map(|(at, decision)| Row {
            capability: decision.capability,
            by: by
                .iter()
                .filter(|(_, own)| own.get(at).is_some_and(|own| own.granted != Granted::Nothing))
                .map(|(name, _)| *name)
                .collect(),
            request: decision.request,
            granted: decision.granted,
        })
        .collect()
}

impl Row {
    fn word(&self) -> &'static str {
        match self.granted {
            Granted::Whole => "granted",
            Granted::Nothing => "not granted",
            Granted::Part => "granted in part",
        }
    }

    fn cells(&self) -> [String; 4] {
        let by =
            if self.by.is_empty() { String::new() } else { format!("by {}", self.by.join(", ")) };
        [format!("  {}", self.capability), self.request.clone(), self.word().to_owned(), by]
    }

    fn json(&self) -> Value {
        json!({
            "capability": self.capability,
            "request": self.request,
            "granted": self.word(),
            "by": self.by,
        })
    }
}
