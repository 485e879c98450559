//! Workspaces in temporary folders, and the program run in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use distri_host::{Host, HostServices, Policy};
use distri_workspace::Workspace;
use serde_json::Value;

use crate::program::{profile, program, repository};

/// A workspace of its own for one test.
pub struct Sandbox {
    folder: tempfile::TempDir,
    config: tempfile::TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The standard output as JSON; the run must have succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:#?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Checks that the run failed with this code, nothing on standard output, and
    /// all of these texts on standard error.
    #[track_caller]
    pub fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        }
    }
}

impl Sandbox {
    /// A workspace with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let [folder, config] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let sandbox = Self { folder, config };
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox
    }

    /// A workspace with one TypeScript plugin named `p`, whose module this is.
    pub fn with_plugin(source: &str) -> Self {
        Self::with(&[("plugins/p/distri.toml", MANIFEST), ("plugins/p/index.ts", source)])
    }

    /// A copy of the examples.
    pub fn examples() -> Self {
        let sandbox = Self::with(&[]);
        copy(&repository().join("examples"), sandbox.path());
        let manifest = "plugins/checksum/Cargo.toml";
        let text = std::fs::read_to_string(sandbox.path().join(manifest)).unwrap();
        let sdk = repository().join("guest-sdk-rust");
        sandbox
            .write(manifest, &text.replace("../../../guest-sdk-rust", &sdk.display().to_string()));
        sandbox
    }

    /// A policy: what packages have in their workspace, and this.
    pub fn policy(text: &str) -> Policy {
        Policy { open_workspace: true, ..text.parse().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration folder of the program here.
    pub fn config(&self) -> &Path {
        self.config.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs the program in the workspace.
    pub fn distri(&self, args: &[&str]) -> Run {
        self.run(args, "", &[])
    }

    /// Runs it with this text as standard input.
    pub fn distri_with_input(&self, args: &[&str], input: &str) -> Run {
        self.run(args, input, &[])
    }

    /// Runs it with these variables in its environment.
    pub fn distri_with_env(&self, args: &[&str], env: &[(&str, &Path)]) -> Run {
        self.run(args, "", env)
    }

    fn run(&self, args: &[&str], input: &str, env: &[(&str, &Path)]) -> Run {
        use std::io::Write as _;
        let mut child = Command::new(program())
            .args(args)
            .current_dir(self.path())
            .env_remove("CURRENT_WORKING_DIR")
            .env_remove("RUST_LOG")
            .env("CARGO_NET_OFFLINE", "true")
            // Nothing of the user's own decides what a test may do.
            .env("XDG_CONFIG_HOME", self.config())
            .env("CARGO_TARGET_DIR", cargo_target())
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Builds the workspace with the program; it must succeed.
    #[track_caller]
    pub fn build(&self) -> Run {
        let run = self.distri(&["build"]);
        assert_eq!(run.code, 0, "{run:#?}");
        run
    }

    /// Builds with the program, and loads everything into a host with these services.
    #[track_caller]
    pub fn host(&self, services: impl HostServices) -> Host {
        self.host_with(Policy::open_workspace(), services)
    }

    /// The same under this policy.
    #[track_caller]
    pub fn host_with(&self, policy: Policy, services: impl HostServices) -> Host {
        self.build();
        let host = Host::builder().policy(policy).services(services).build().unwrap();
        Workspace::at(self.path().to_owned()).load(&host).unwrap();
        host
    }
}

/// The manifest of a TypeScript plugin named `p`.
pub const MANIFEST: &str = "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n[capabilities]\ntools = [\"*\"]\nagents = [\"*\"]\n";

/// A plugin module with one tool, whose body this is; `input` is its parsed input.
pub fn tool(name: &str, body: &str) -> String {
    format!(
        "import {{ createTool }} from \"distri/base\";\n\
         import {{ callTool, callAgent, getSessionValue, setSessionValue }} from \"distri/workflow\";\n\
         export default {{ tools: [createTool({{ name: \"{name}\", execute: async (input: any, context: any) => {{\n{body}\n}} }})] }};\n"
    )
}

/// Where the tests' Rust plugins are compiled: kept from run to run, beside the
/// program's own target folder.
fn cargo_target() -> PathBuf {
    profile().parent().unwrap().join("plugins")
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == ".distri" || name == "target" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
