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
            let rows: Vec<_> = agents
                .iter()
                .map(|agent| [agent.name.clone(), agent.description.clone()])
                .collect();
            none_of(&rows, "agents", "they are the files `agents/*.md`");
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
        What::Tools => items(args, &artifacts, "tools", |artifact| &artifact.tools),
        What::Workflows | What::Agents => {
            items(args, &artifacts, "workflows", |artifact| &artifact.workflows);
        }
    }
    Ok(())
}

/// Says that a list is empty.
fn none_of<T>(rows: &[T], what: &str, why: &str) {
    if rows.is_empty() {
        terminal::say(&format!("there are no {what}: {why}"));
    }
}

fn items(
    args: &Args,
    artifacts: &[&Artifact],
    what: &str,
    of: impl Fn(&Artifact) -> &Vec<ItemInfo>,
) {
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
        let rows: Vec<_> = all
            .map(|(artifact, item)| {
                [format!("{}/{}", artifact.package, item.name), item.description.clone()]
            })
            .collect();
        // Where nothing is built, that was said.
        if !artifacts.is_empty() {
            none_of(&rows, what, "no package that is built here has any");
        }
        table(rows);
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

/// So many of something: `1 tool`, `2 tools`.
pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn plugin_row(artifact: &Artifact) -> [String; 4] {
    let offers: Vec<String> =
        [(artifact.tools.len(), "tool"), (artifact.workflows.len(), "workflow")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| count(n, what))
            .collect();
    [
        format!("{} {}", artifact.package, artifact.version),
        language(&artifact.language).to_owned(),
        offers.join(", "),
        artifact.description.clone().unwrap_or_default(),
    ]
}

/// Characters of a cell: what is longer is not read in a list.
const MAX_CELL: usize = 200;

/// Text for a list, cut where it is long.
fn cell(text: &str) -> String {
    let mut text = terminal::shown(text);
    if let Some((end, _)) = text.char_indices().nth(MAX_CELL) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Prints rows in columns as wide as they need to be.
pub(crate) fn table<const N: usize>(rows: Vec<[String; N]>) {
    let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|text| cell(&text))).collect();
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
