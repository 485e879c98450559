//! `distri list`.

use distri_host::{Artifact, ItemInfo};
use serde_json::{Value, json};

use super::build::language;
use crate::args::{Args, List, What};
use crate::failure::Failure;
use crate::{output, session, terminal};

pub(crate) fn run(args: &Args, list: &List) -> Result<(), Failure> {
    let workspace = session::workspace(args)?;
    if list.what == What::Agents {
        let agents = session::agents(&workspace)?;
        if args.json {
            output::json(&agents);
        } else {
            let rows = agents
                .iter()
                .map(|agent| [agent.name.clone(), agent.description.clone()])
                .collect();
            table(rows);
        }
        return Ok(());
    }
    let catalog = session::catalog(&workspace)?;
    let artifacts: Vec<&Artifact> = catalog.packages.values().collect();
    match list.what {
        What::Plugins if args.json => {
            output::json(
                &artifacts.iter().map(|artifact| plugin_json(artifact)).collect::<Vec<_>>(),
            );
        }
        What::Plugins => table(artifacts.iter().map(|artifact| plugin_row(artifact)).collect()),
        What::Tools => items(args, &artifacts, |artifact| &artifact.tools),
        What::Workflows | What::Agents => items(args, &artifacts, |artifact| &artifact.workflows),
    }
    Ok(())
}

fn items(args: &Args, artifacts: &[&Artifact], of: impl Fn(&Artifact) -> &Vec<ItemInfo>) {
    let all =
        artifacts.iter().flat_map(|artifact| of(artifact).iter().map(move |item| (artifact, item)));
    if args.json {
        let all: Vec<Value> = all
            .map(|(artifact, item)| {
                json!({
                    "name": format!("{}/{}", artifact.package, item.name),
                    "description": item.description,
                    "version": item.version,
                    "parameters": item.parameters,
                })
            })
            .collect();
        output::json(&all);
    } else {
        table(
            all.map(|(artifact, item)| {
                [format!("{}/{}", artifact.package, item.name), item.description.clone()]
            })
            .collect(),
        );
    }
}

fn plugin_json(artifact: &Artifact) -> Value {
    let names =
        |items: &[ItemInfo]| items.iter().map(|item| item.name.to_string()).collect::<Vec<_>>();
    json!({
        "package": artifact.package,
        "version": artifact.version,
        "description": artifact.description,
        "language": artifact.language,
        "digest": artifact.component,
        "tools": names(&artifact.tools),
        "workflows": names(&artifact.workflows),
    })
}

fn plugin_row(artifact: &Artifact) -> [String; 4] {
    let count = |n: usize, what: &str| match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    };
    let offers: Vec<String> =
        [count(artifact.tools.len(), "tool"), count(artifact.workflows.len(), "workflow")]
            .into_iter()
            .flatten()
            .collect();
    [
        format!("{} {}", artifact.package, artifact.version),
        language(&artifact.language).to_owned(),
        offers.join(", "),
        artifact.description.clone().unwrap_or_default(),
    ]
}

/// Prints rows in columns as wide as they need to be.
pub(crate) fn table<const N: usize>(rows: Vec<[String; N]>) {
    let rows: Vec<[String; N]> =
        rows.into_iter().map(|row| row.map(|cell| terminal::shown(&cell))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        output::line(cells.join("  ").trim_end());
    }
}
