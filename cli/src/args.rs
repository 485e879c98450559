//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use distri_manifest::{LimitSettings, Span};

/// Build and run plugins for AI agents: WebAssembly components with tools and workflows.
#[derive(Debug, Parser)]
#[command(
    name = "distri",
    version,
    long_version = crate::version::long(),
    max_term_width = 100,
    after_help = "\
Examples:
  distri build
  distri call text-tools/slugify --input '{\"text\": \"Hello, World!\"}'
  distri run text-report/report --input @input.json
  distri list tools --json

The workspace is the folder that --directory names, else $CURRENT_WORKING_DIR,
else the nearest one from here upward (with plugins/, agents/ or .distri/),
else examples/, else the current folder.

Exit codes: 0 done, 1 the thing failed, 2 wrong usage."
)]
pub(crate) struct Args {
    /// The workspace's folder
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    pub(crate) directory: Option<PathBuf>,

    /// Print JSON for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more about what happens; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command that makes this program the host's compiler.
pub(crate) const COMPILE: &str = "compile-component";

/// The command that makes this program the builder's bundler.
pub(crate) const BUNDLE: &str = "bundle-script";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build every package of the workspace that changed
    #[command(after_help = "\
Examples:
  distri build
  distri -C my-workspace build

A Rust package is built by cargo, which runs its build scripts with your rights.")]
    Build(Build),

    /// Begin a package
    #[command(after_help = "\
Examples:
  distri new plugins/greeter --lang ts
  distri new plugins/greeter --lang rust --kind workflow

A name alone makes `plugins/NAME`; a path is below the workspace's folder, and its last part is the package's name.")]
    New(New),

    /// Check packages without putting them into the catalog
    #[command(after_help = "\
Examples:
  distri check
  distri check text-tools --json

Nothing of a plugin runs but its top level and its description of itself, with
no grants, five seconds and 64 MiB. A Rust package is built by cargo.")]
    Check(Check),

    /// List what the workspace offers
    #[command(after_help = "\
Examples:
  distri list
  distri list tools
  distri list agents --json")]
    List(List),

    /// Call a tool and print its result
    #[command(after_help = "\
Examples:
  distri call text-tools/slugify --input '{\"text\": \"Hello, World!\"}'
  distri call text-tools/slugify --input @input.json
  echo '{\"text\": \"abc\"}' | distri call checksum/sha256 --input - --json
  distri call text-tools/slugify --input @book.json --limit payload=10MiB")]
    Call(Call),

    /// Run a workflow and print its result
    #[command(after_help = "\
Examples:
  distri run text-report/report --input '{\"text\": \"Hello, World!\"}'
  distri run text-report/report --input @input.json --timeout 10s")]
    Run(Call),

    /// Grant a package what it asks for outside the workspace
    #[command(after_help = "\
Examples:
  distri approve weather
  distri approve weather --yes
  distri approve weather --revoke

Hosts, secrets, environment variables and databases need this once per package;
what a package asks for later needs it again. Approvals are kept in your
configuration folder, never in the workspace.")]
    Approve(Approve),

    /// Show what packages ask for and what grants it
    #[command(after_help = "\
Examples:
  distri grants
  distri grants weather --json
  distri grants --policy distri.policy.toml --locked")]
    Grants(Grants),

    /// Keep secrets for plugins
    #[command(after_help = "\
Examples:
  distri secrets set WEATHER_API_KEY < key.txt
  distri secrets list
  distri secrets remove WEATHER_API_KEY

A variable DISTRI_SECRET_WEATHER_API_KEY in the environment goes before the store.")]
    Secrets {
        #[command(subcommand)]
        command: SecretsCommand,
    },

    /// Show a built package: what it offers, asks for and was built from
    #[command(after_help = "\
Examples:
  distri inspect text-tools
  distri inspect checksum --json")]
    Inspect(Inspect),

    /// Write the WIT package that plugins conform to
    #[command(after_help = "\
Examples:
  distri wit
  distri wit --track 0.2 --out wit")]
    Wit(WriteWit),

    /// Check that a component is a plugin, by running every case that applies to it
    #[command(after_help = "\
Examples:
  distri conformance plugin.wasm
  distri conformance plugin.wasm --json

Cases beyond the first few call the items of the reference plugin, where the
component has items of their names.")]
    Conformance(Conformance),

    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  distri completions bash > ~/.local/share/bash-completion/completions/distri")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },

    /// Compile the component on standard input, for the host that started this program
    #[command(name = COMPILE, hide = true)]
    Compile,

    /// Bundle the package that standard input names, for the builder that started this program
    #[command(name = BUNDLE, hide = true)]
    Bundle,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Build {}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// What to list
    #[arg(default_value = "plugins")]
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    Plugins,
    Tools,
    Workflows,
    Agents,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// What to call, as PACKAGE/NAME
    #[arg(value_name = "PACKAGE/NAME")]
    pub(crate) name: String,

    /// The input: JSON, @FILE, or - for standard input
    #[arg(short, long, default_value = "{}", value_name = "JSON|@FILE|-")]
    pub(crate) input: String,

    /// The session whose values the call reads and writes
    #[arg(long, default_value = "cli", value_name = "ID")]
    pub(crate) session: String,

    /// Wall time for the call, like 10s or 500ms
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub(crate) timeout: Option<Duration>,

    /// Set one of the host's limits for this call, like payload=10MiB
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    pub(crate) limits: Vec<LimitSettings>,

    /// Show what the call used of what its packages may, and the least manifests for it
    #[arg(long)]
    pub(crate) audit: bool,

    #[command(flatten)]
    pub(crate) operator: Operator,
}

/// What the operator allows.
#[derive(Debug, clap::Args)]
pub(crate) struct Operator {
    /// The policy; that in your configuration folder otherwise
    #[arg(long, value_name = "FILE", env = "DISTRI_POLICY")]
    pub(crate) policy: Option<PathBuf>,

    /// Allow only what the policy lists
    #[arg(long)]
    pub(crate) locked: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// The package
    pub(crate) package: String,

    /// Do not ask
    #[arg(long, conflicts_with = "revoke")]
    pub(crate) yes: bool,

    /// Take the approval back
    #[arg(long)]
    pub(crate) revoke: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Grants {
    /// The package; all of them otherwise
    pub(crate) package: Option<String>,

    #[command(flatten)]
    pub(crate) operator: Operator,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Keep a secret; its value is read from standard input
    Set {
        /// The secret
        name: String,
    },
    /// List the secrets' names
    List,
    /// Forget a secret
    Remove {
        /// The secret
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The package
    pub(crate) package: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The package's name, or the folder to make
    pub(crate) path: PathBuf,

    /// What it is written in
    #[arg(long, default_value = "ts")]
    pub(crate) lang: Language,

    /// What it begins with
    #[arg(long, default_value = "tool")]
    pub(crate) kind: ItemWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Ts,
    Rust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ItemWord {
    Tool,
    Workflow,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The package; all of them otherwise
    pub(crate) package: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WriteWit {
    /// The version: 0.2 for toolchains whose functions are sync, 0.3 for async ones
    #[arg(long, default_value = "0.3", value_name = "VERSION")]
    pub(crate) track: String,

    /// The folder to write it to; standard output otherwise
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Conformance {
    /// The component
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: PathBuf,
}

fn timeout(text: &str) -> Result<Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}
