//! `distri approve`.

use distri_host::{Error, ErrorKind, Policy};
use distri_manifest::PackageName;
use distri_workspace::{Approvals, needing_approval};
use serde_json::json;

use crate::args::{Approve, Args};
use crate::failure::Failure;
use crate::{operator, output, session, terminal};

pub(crate) fn run(args: &Args, approve: &Approve) -> Result<(), Failure> {
    let workspace = session::workspace(args)?;
    if approve.revoke {
        // Of a package that is gone, too.
        let package = PackageName::new(&approve.package).map_err(|error| {
            Failure::Usage(Error::new(ErrorKind::InvalidInput, error.to_string()))
        })?;
        let revoked = Approvals::of_user(workspace.root())?.revoke(&package)?;
        if args.json {
            output::json(&json!({ "package": package, "revoked": revoked }));
        } else {
            terminal::say(&if revoked {
                format!("the approval of `{package}` is taken back")
            } else {
                format!("`{package}` had no approval")
            });
        }
        return Ok(());
    }
    let artifact = session::artifact(&workspace, &approve.package)?;
    let package = &artifact.package;
    let asked = needing_approval(&artifact.capabilities);
    let decisions = distri_host::decisions(package, &asked, &Policy::default());
    let mut policy = workspace.policy(None, false)?;
    policy.packages.entry(package.clone()).or_default().extend((&asked).into());
    let uses = |database: &str| asked.databases.iter().any(|asked| asked.name.matches(database));
    let mut exposed = operator::exposed(&workspace, &policy)?.into_iter();
    if let Some(exposed) =
        exposed.find(|exposed| exposed.package == package.as_str() || uses(&exposed.database))
    {
        return Err(Failure::Host(exposed.error()));
    }
    let approved = if decisions.is_empty() {
        if !args.json {
            terminal::say(&format!("`{package}` asks for nothing that needs an approval"));
            return Ok(());
        }
        true
    } else if approve.yes {
        if !args.json {
            terminal::say(&format!("`{package}` asks for:"));
            for decision in &decisions {
                terminal::say(&format!("  {}", operator::describe(decision)));
            }
        }
        true
    } else if operator::on_terminal() && !args.json {
        operator::confirm(package, &decisions)?
    } else {
        let error = Error::new(
            ErrorKind::InvalidInput,
            format!("nobody is there to be asked about `{package}`"),
        );
        return Err(Failure::Usage(
            error.with_hint("look at `distri grants`, then say `--yes`, or run this on a terminal"),
        ));
    };
    if !approved {
        let error = Error::new(ErrorKind::Denied, format!("`{package}` is not approved"));
        return Err(Failure::Host(error));
    }
    Approvals::of_user(workspace.root())?.approve(&artifact)?;
    let digest = format!("sha256:{}", artifact.component);
    if args.json {
        let requests: Vec<String> = decisions.iter().map(operator::describe).collect();
        output::json(&json!({ "package": package, "approved": requests, "digest": digest }));
    } else {
        terminal::say(&format!("approved: `{package}` {}, {digest}", artifact.version));
    }
    Ok(())
}
