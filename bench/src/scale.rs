//! Workspaces of hundreds of TypeScript plugins, through the program as people run it: built
//! from nothing, built again, built after one edit; what they take on disk and in memory; and
//! how long a first call takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::Report;
use crate::measure::median;

/// Plugins of a workspace.
const SIZES: [usize; 2] = [200, 1000];

/// Builds that change nothing, and edits.
const RUNS: usize = 5;

pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    for plugins in SIZES {
        let workspace = Workspace::new(plugins)?;
        report.line(format!("{plugins} TypeScript plugins, built by `distri`:"));
        let nothing = workspace.build()?;
        let mut again = times(|| workspace.build())?;
        let mut edits = times(|| {
            workspace.edit(plugins / 2)?;
            workspace.build()
        })?;
        let (built, compiled) = (size(&workspace.root.join(".distri"))?, size(&workspace.cache())?);
        let megabytes = |bytes: u64| {
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 bytes")]
            let bytes = bytes as f64;
            bytes / 1e6
        };
        let milliseconds = |times: &mut [Duration]| median(times).as_secs_f64() * 1e3;
        let (again, edits) = (milliseconds(&mut again), milliseconds(&mut edits));
        report.line(format!("  after one edit {edits:.0} ms, cache {:.0} MB", megabytes(compiled)));
        let figures = [
            ("from nothing", nothing.as_secs_f64(), "s", if plugins == 200 { 60.0 } else { 300.0 }),
            ("nothing changed", again, "ms", if plugins == 200 { 150.0 } else { 500.0 }),
        ];
        for (name, value, unit, at_most) in figures {
            report.figure(format!("{plugins} plugins: {name}"), value, unit, at_most);
        }
        if plugins == 200 {
            report.figure("200 plugins: `.distri`", megabytes(built), "MB", 100.0);
        } else {
            report.line(format!("  `.distri` {:.0} MB", megabytes(built)));
        }
        let called = workspace.called()?;
        let name = format!("{plugins} plugins: anonymous memory of each once called");
        report.figure(name, called.called_anonymous_bytes / 1e3, "KB", 40.0);
        report.line(format!(
            "  first call after a start {:.2} ms, {:.2} ms where it was preloaded",
            called.first_call_ms, called.preloaded_call_ms
        ));
    }
    Ok(())
}

fn times(mut run: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<Vec<Duration>> {
    (0..RUNS).map(|_| run()).collect()
}

/// A workspace, and folders for everything else that the program writes.
struct Workspace {
    folder: tempfile::TempDir,
    root: PathBuf,
    distri: PathBuf,
}

impl Workspace {
    fn new(plugins: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("workspace");
        let program = std::env::current_exe()?;
        let distri = program.with_file_name("distri");
        anyhow::ensure!(distri.is_file(), "build `distri` first: it lies beside this program");
        let workspace = Self { folder, root, distri };
        for number in 0..plugins {
            let plugin = workspace.root.join(format!("plugins/p{number}"));
            std::fs::create_dir_all(&plugin)?;
            let manifest = format!(
                "package = \"p{number}\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n"
            );
            std::fs::write(plugin.join("distri.toml"), manifest)?;
            workspace.write(number, "first")?;
        }
        Ok(workspace)
    }

    fn write(&self, number: usize, what: &str) -> anyhow::Result<()> {
        let source = format!(
            "import {{ createTool }} from \"distri/base\";\n\
             const what = \"{what} {number}\";\n\
             export default {{ tools: [createTool({{\n  name: \"echo\",\n  \
             description: what,\n  execute: (input) => input,\n}})] }};\n"
        );
        std::fs::write(self.root.join(format!("plugins/p{number}/index.ts")), source)?;
        Ok(())
    }

    fn edit(&self, number: usize) -> anyhow::Result<()> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        self.write(number, &format!("edited at {}", now.as_nanos()))
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// A program with folders of its own.
    fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("XDG_CACHE_HOME", self.cache())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .stderr(Stdio::piped());
        command
    }

    fn build(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let output = self.program(&self.distri).arg("build").current_dir(&self.root).output()?;
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "the build failed: {said}");
        Ok(took)
    }

    /// What calling each costs, in a process that did nothing before.
    fn called(&self) -> anyhow::Result<crate::many::Costs> {
        let this = std::env::current_exe()?;
        let mut command = self.program(&this);
        let output = command.arg("--measure-many").arg(&self.root).arg("--own-cache").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "measuring failed: {said}");
        serde_json::from_slice(&output.stdout).context("it said something else")
    }
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
