//! Agents: markdown files with TOML in front. Until agents run a model, a
//! `callAgent` is answered from the replies that an agent's front matter
//! scripts, and says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use distri_host::{AgentCall, Error, ErrorKind, HostServices, Result as HostResult};
use distri_manifest::suggestion;
use miette::{NamedSource, SourceSpan};
use serde::{Deserialize, Serialize};

use crate::{Result, WorkspaceError};

/// Most bytes of an agent's file: more than any model reads.
const MAX_AGENT: u64 = 4 << 20;

/// An agent, as its file describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agent {
    /// The name that `callAgent` uses.
    pub name: String,
    /// What the agent is for.
    pub description: String,
    /// The model that answers for it.
    pub model_settings: ModelSettings,
    /// The text after the front matter: the system prompt.
    #[serde(skip)]
    pub prompt: String,
}

/// `[model_settings]` of an agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Who runs the model. `scripted` answers from `replies`.
    #[serde(default)]
    pub provider: String,
    /// The model's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What a scripted agent answers: the first call gets the first reply, and
    /// the last one is repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<String>,
}

/// The part of the front matter that is used now. Other keys are the model
/// loop's.
#[derive(Deserialize)]
struct FrontMatter {
    name: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    model_settings: ModelSettings,
}

/// Reads `agents/*.md` of a workspace, by name. One bad file does not hide the
/// others.
pub fn load_agents(root: &Path) -> Result<Vec<Result<Agent>>> {
    let folder = root.join("agents");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(WorkspaceError::io(folder)(error)),
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    Ok(files
        .iter()
        .map(|path| {
            let text =
                distri_files::read_text(path, MAX_AGENT).map_err(WorkspaceError::io(path))?;
            parse(path, &text)
        })
        .collect())
}

/// Parses one agent's file.
fn parse(path: &Path, text: &str) -> Result<Agent> {
    // Some editors put a byte order mark before a text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let bad = |message: String, span: Option<SourceSpan>, help: &str| WorkspaceError::Agent {
        message,
        source_code: NamedSource::new(path.display().to_string(), text.to_owned()),
        span,
        help: Some(help.to_owned()),
    };
    let (front, prompt) = split(text).ok_or_else(|| {
        bad(
            "an agent's file begins with its settings".to_owned(),
            Some((0, text.lines().next().map_or(0, str::len)).into()),
            "put TOML between two lines of `---` at the top, with at least `name = \"…\"`",
        )
    })?;
    // The settings begin after the first line, `---`.
    let offset = front.as_ptr() as usize - text.as_ptr() as usize;
    let settings: FrontMatter = toml::from_str(front).map_err(|error| {
        let span = error.span().map(|span| (span.start + offset, span.len().max(1)).into());
        bad(error.message().to_owned(), span, "the part between the lines of `---` is TOML")
    })?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Agent {
        name: settings.name.unwrap_or(stem),
        description: settings.description,
        model_settings: settings.model_settings,
        prompt: prompt.trim().to_owned(),
    })
}

/// The text between the first line, `---`, and the next such line after which
/// the settings are valid TOML (a string may contain `---`); and the rest.
fn split(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix("---")?.trim_start_matches([' ', '\r']).strip_prefix('\n')?;
    let mut at = 0;
    let mut first = None;
    for line in body.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let parts = (&body[..at], &body[at + line.len()..]);
            if toml::from_str::<toml::Table>(parts.0).is_ok() {
                return Some(parts);
            }
            first.get_or_insert(parts);
        }
        at += line.len();
    }
    first
}

/// A host's services with scripted agents: sessions in memory, a `callAgent`
/// answered from the agent's `replies`.
#[derive(Debug, Default)]
pub struct ScriptedAgents {
    agents: BTreeMap<String, Agent>,
    answered: Mutex<BTreeMap<String, usize>>,
}

impl ScriptedAgents {
    /// Services that answer for these agents.
    pub fn new(agents: impl IntoIterator<Item = Agent>) -> Self {
        let agents = agents.into_iter().map(|agent| (agent.name.clone(), agent)).collect();
        Self { agents, ..Self::default() }
    }
}

#[async_trait]
impl HostServices for ScriptedAgents {
    async fn call_agent(&self, call: AgentCall) -> HostResult<String> {
        let Some(agent) = self.agents.get(&call.name) else {
            let names = self.agents.keys().map(String::as_str);
            let hint = suggestion(&call.name, names.clone()).unwrap_or_else(|| {
                format!("the workspace's agents are `{}`", names.collect::<Vec<_>>().join("`, `"))
            });
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no agent `{}`", call.name),
            )
            .with_hint(hint));
        };
        let settings = &agent.model_settings;
        let Some(last) = settings.replies.last().filter(|_| settings.provider == "scripted") else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "the agent `{}` has no scripted replies, and agents do not run models yet",
                    agent.name
                ),
            )
            .with_hint(
                "give it `[model_settings]` with `provider = \"scripted\"` and `replies = [\"…\"]`",
            ));
        };
        let turn = {
            let mut answered =
                self.answered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let turn = answered.entry(agent.name.clone()).or_default();
            *turn += 1;
            *turn - 1
        };
        tracing::info!(target: "distri::agent", "agent `{}` answers `{}` from its script, no model runs", agent.name, call.caller.package);
        Ok(settings.replies.get(turn).unwrap_or(last).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_reads_its_settings_and_prompt() {
        let text = "---\nname = \"editor\"\ndescription = \"\"\"\n---\n\"\"\"\n[model_settings]\nprovider = \"scripted\"\nreplies = [\"ok\"]\n---\n\nYou edit.\n";
        let agent = parse(Path::new("agents/editor.md"), text).unwrap();
        assert_eq!(agent.name, "editor");
        assert_eq!(agent.prompt, "You edit.");
        assert_eq!(agent.model_settings.replies, ["ok"]);
    }

    #[test]
    fn a_bad_agent_names_its_place() {
        let error = parse(Path::new("a.md"), "---\nname = oops\n---\n").unwrap_err();
        let WorkspaceError::Agent { span: Some(span), source_code, .. } = error else { panic!() };
        assert_eq!(&source_code.inner()[span.offset()..span.offset() + span.len()], "oops");
        assert!(parse(Path::new("a.md"), "You edit.").is_err());
    }
}
