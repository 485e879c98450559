//! `distri call` and `distri run`.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use distri_host::{Artifact, Catalog, Error, ErrorKind, ExecutionContext, ItemKind, ToolCall};
use distri_manifest::{ItemRef, LimitSettings, PackageName, Span};
use distri_workspace::{Audit, PackageAudit, Workspace};
use serde_json::{Value, value::RawValue};

use crate::args::{Args, Call};
use crate::failure::{Failure, Told};
use crate::pretty::pretty;
use crate::stacks::{self, Stacks};
use crate::{operator, output, session, terminal};

/// Most bytes of input that are read: far more than a payload may have.
const MAX_INPUT: u64 = 64 << 20;

pub(crate) async fn run(args: &Args, call: &Call, kind: ItemKind) -> Result<(), Failure> {
    let input = input(&call.input)?;
    let workspace = session::workspace(args)?;
    let mut policy = workspace.policy(call.operator.policy.as_deref(), call.operator.locked)?;
    // The operator's own word for this call: the deadline may be later than usual.
    let deadline = LimitSettings { timeout: call.timeout.map(Span), ..LimitSettings::default() };
    for settings in [&deadline].into_iter().chain(&call.limits) {
        policy.set_limits(settings);
    }
    let catalog = workspace.catalog()?;
    refuse_unproven(&catalog, &call.name)?;
    let mut warnings = Vec::new();
    let mut changed = Vec::new();
    if !call.operator.locked {
        let reached = named(&catalog, &call.name, kind).map(|first| reached(&catalog, first));
        changed = operator::warn_of_changes(&workspace, reached.unwrap_or_default())?;
    }
    if let Some(artifact) = named(&catalog, &call.name, kind) {
        operator::ask_for_pending(&workspace, artifact, &mut policy, args.json)?;
        if args.json {
            let pending = operator::pending(artifact, &policy);
            let package = &artifact.package;
            warnings.extend(pending.iter().map(|decision| {
                format!("`{package}` was not granted {}", operator::describe(decision))
            }));
        }
        warnings.extend(operator::unset_secrets(artifact, &policy)?);
        // Said even where a tool is asked for that only the newer sources have.
        if distri_builder::is_stale(&workspace.store(), artifact) {
            warnings.push(format!(
                "`{}` changed since it was built, and what runs is the older build; run `distri build`",
                artifact.package
            ));
        }
    }
    if !args.json {
        for warning in &warnings {
            terminal::warning(warning);
        }
    }
    // Those were said at once.
    warnings.extend(changed);
    let audit = call.audit.then(Arc::<Audit>::default);
    let host = session::host(&workspace, policy, audit.clone())?;
    workspace.register(catalog.packages.values().cloned(), &host);
    let (package, item) = match host.resolve(&call.name, kind) {
        Ok(found) => found,
        Err(error) => {
            let failure = Failure::Usage(unbuilt(&workspace, &call.name, error));
            return Err(Failure::Called(Box::new(failure), Told { audit: None, warnings }));
        }
    };

    let name = format!("{package}/{item}");
    let mut request = ToolCall::new(input);
    request.context = ExecutionContext::in_session(&call.session);
    request.deadline = call.timeout;
    let answer = match kind {
        ItemKind::Tool => host.execute_tool(&package, &item, request).await,
        ItemKind::Workflow => host.execute_workflow(&package, &item, request).await,
    };
    let audit = audit.map(|audit| audited(&audit, &catalog));
    if let Some(audit) = audit.as_ref().filter(|_| !args.json) {
        show_audit(audit);
    }
    // What failed is what an audit is most wanted for.
    let told = Told { audit, warnings };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let failure = match error.kind() {
                ErrorKind::InvalidInput => Failure::Usage(error),
                _ => Failure::Host(error),
            };
            return Err(Failure::Called(Box::new(failure), told));
        }
    };
    if let Some(message) = answer.error {
        let mut detail: Value = serde_json::from_str(&answer.result).unwrap_or(Value::Null);
        let stacks = Stacks::of(&workspace);
        let map = stacks.map(&package);
        let located = map.and_then(|map| stacks::locate(&map, &message, &detail));
        stacks.put_in_sources(&package, &mut detail);
        let failure = Failure::Guest { name, message, detail, located };
        return Err(Failure::Called(Box::new(failure), told));
    }
    if args.json {
        let result = RawValue::from_string(answer.result).ok();
        output::json(&Answered { result, told });
    } else {
        output::lines(&pretty(&answer.result).unwrap_or(answer.result));
    }
    Ok(())
}

/// The shape of `--json`. The plugin's JSON goes through as it is.
#[derive(serde::Serialize)]
struct Answered {
    result: Option<Box<RawValue>>,
    #[serde(flatten)]
    told: Told,
}

/// The package that a name means, as far as the catalog tells.
fn named<'a>(catalog: &'a Catalog, name: &str, kind: ItemKind) -> Option<&'a Artifact> {
    let ItemRef { package, item } = ItemRef::parse(name);
    if let Some(package) = package {
        return catalog.packages.get(package.as_str());
    }
    let has = |artifact: &&Artifact| {
        let items = match kind {
            ItemKind::Tool => &artifact.tools,
            ItemKind::Workflow => &artifact.workflows,
        };
        items.iter().any(|own| own.name.as_str() == item || own.aliases.contains(&item))
    };
    let mut having = catalog.packages.values().filter(has);
    having.next().filter(|_| having.next().is_none())
}

/// Refuses a package that has a record that is not used.
fn refuse_unproven(catalog: &Catalog, name: &str) -> Result<(), Failure> {
    let reference = ItemRef::parse(name);
    match reference.package {
        Some(package) => catalog.proven(package.as_str())?,
        // A bare name may be an item of any of them.
        None => {
            for (package, why) in &catalog.refused {
                terminal::warning(&format!("the record of `{package}` {why}, and is not used"));
                terminal::note("hint", "run `distri build`: it builds the package anew");
            }
        }
    }
    Ok(())
}

/// A package, and all that it may call, and they.
fn reached<'a>(catalog: &'a Catalog, first: &'a Artifact) -> Vec<&'a Artifact> {
    let mut reached = vec![first];
    let mut next = 0;
    while let Some(caller) = reached.get(next) {
        next += 1;
        let tools = &caller.capabilities.tools;
        let called = catalog.packages.values().filter(|other| {
            tools.iter().any(|tool| tool.package().is_none_or(|package| *package == other.package))
        });
        let known: Vec<&PackageName> = reached.iter().map(|it| &it.package).collect();
        let new: Vec<&Artifact> = called.filter(|it| !known.contains(&&it.package)).collect();
        reached.extend(new);
    }
    reached
}

/// What each package used.
fn audited(audit: &Audit, catalog: &Catalog) -> Vec<PackageAudit> {
    audit.report(|package| Some(catalog.packages.get(package)?.capabilities.clone()))
}

/// The least manifests, on standard error: standard output is the result's.
fn show_audit(audit: &[PackageAudit]) {
    if audit.is_empty() {
        terminal::say("# no package used anything outside its sandbox");
    }
    for PackageAudit { package, refused, chains, manifest, .. } in audit {
        terminal::say(&format!("# what `{package}` needed, for its distri.toml"));
        for refused in refused {
            terminal::say(&format!("# refused in this run: {refused}"));
        }
        for chain in chains {
            terminal::say(&format!("# for others: {chain}"));
        }
        terminal::say_lines(manifest);
    }
}

/// The input that `JSON`, `@FILE` or `-` names.
fn input(argument: &str) -> Result<String, Failure> {
    let unreadable = |what: &str, error: std::io::Error| {
        Failure::Usage(Error::new(ErrorKind::InvalidInput, format!("cannot read {what}: {error}")))
    };
    if argument == "-" {
        let mut text = String::new();
        let read = std::io::stdin().take(MAX_INPUT + 1).read_to_string(&mut text);
        read.map_err(|error| unreadable("standard input", error))?;
        if text.len() as u64 > MAX_INPUT {
            let words = format!("it has more than {} MiB", MAX_INPUT >> 20);
            let error = std::io::Error::new(std::io::ErrorKind::FileTooLarge, words);
            return Err(unreadable("standard input", error));
        }
        return Ok(distri_files::without_mark(&text).to_owned());
    }
    match argument.strip_prefix('@') {
        Some("") => Err(Failure::Usage(
            Error::new(ErrorKind::InvalidInput, "`--input @` names no file")
                .with_hint("`--input @FILE` reads a file, `--input -` standard input"),
        )),
        Some(file) => distri_files::read_text(Path::new(file), MAX_INPUT)
            .map_err(|error| unreadable(&format!("`{file}`"), error)),
        None => Ok(argument.to_owned()),
    }
}

/// Says of a name that is not in the catalog whether building would help.
fn unbuilt(workspace: &Workspace, name: &str, error: Error) -> Error {
    let package = name.split(['/', ':']).next().unwrap_or(name);
    let waiting = workspace.packages().is_ok_and(|packages| {
        packages.iter().flatten().any(|found| found.manifest.package.as_str() == package)
    });
    let catalog = workspace.catalog().unwrap_or_default();
    if waiting && !catalog.packages.contains_key(package) {
        Error::new(ErrorKind::NotFound, format!("`{package}` was not built yet"))
            .with_hint("run `distri build`")
    } else if catalog.packages.is_empty() {
        let root = workspace.root().display();
        Error::new(ErrorKind::NotFound, error.message().to_owned()).with_hint(format!(
            "nothing is built in `{root}`: run `distri build`, or name a workspace with `-C`"
        ))
    } else {
        error
    }
}
