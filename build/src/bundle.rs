//! A TypeScript package to one script: its modules, the SDK and whatever npm
//! packages it has installed, by rolldown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookUsage, Plugin, PluginContext, SharedLoadPluginContext,
};
use rolldown::{
    BundlerBuilder, BundlerOptions, CodeSplittingMode, InputItem, OutputFormat, Platform,
    RawMinifyOptions, RawMinifyOptionsDetailed, SourceMapType,
};
use rolldown_common::{ModuleType, Output, RawMangleOptions, ResolvedExternal};
use rolldown_error::{BuildDiagnostic, DiagnosticOptions};
use rolldown_sourcemap::SourceMap;

use crate::{BuildError, Result, sdk};

/// The module that joins a plugin with the SDK's runtime.
const ENTRY: &str = "distri:entry";

/// A bundled plugin.
pub(crate) struct Bundle {
    /// One ES module whose only imports are the world's.
    pub(crate) script: String,
    /// The source map from it, as JSON.
    pub(crate) source_map: String,
    /// The files of the workspace that it was made of.
    pub(crate) files: Vec<PathBuf>,
}

/// Bundles the module `entry`. `root` is the workspace's root: nothing outside
/// it is read.
pub(crate) async fn bundle(
    root: &Path,
    folder: &Path,
    entry: &Path,
    imports: &BTreeMap<String, String>,
    shim: &str,
) -> Result<Bundle> {
    let root = root.canonicalize()?;
    let options = BundlerOptions {
        input: Some(vec![InputItem { name: Some("plugin".to_owned()), import: ENTRY.to_owned() }]),
        cwd: Some(folder.to_owned()),
        platform: Some(Platform::Browser),
        format: Some(OutputFormat::Esm),
        sourcemap: Some(SourceMapType::Hidden),
        // The script stays in the component's memory, several times over: without
        // comments and indentation it is half as long. Functions keep their names,
        // for stacks.
        minify: Some(RawMinifyOptions::Object(RawMinifyOptionsDetailed {
            mangle: Some(RawMangleOptions {
                keep_names: Some(true.into()),
                ..RawMangleOptions::default()
            }),
            compress: None,
            remove_whitespace: true,
        })),
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        ..BundlerOptions::default()
    };
    let refused = Arc::new(Mutex::new(Vec::new()));
    let resolver = Modules {
        root: root.clone(),
        folder: folder.to_owned(),
        entry: format!(
            "import {{ serve }} from \"distri/component\";\n\
             import * as plugin from {};\n\
             export const {{ tool, workflow }} = serve(plugin);\n",
            serde_json::to_string(&entry.display().to_string())
                .map_err(|e| BuildError::other(e.to_string()))?
        ),
        imports: imports.clone(),
        refused: Arc::clone(&refused),
    };
    let mut bundler = BundlerBuilder::default()
        .with_options(options)
        .with_plugins(vec![Arc::new(resolver)])
        .build()
        .map_err(|errors| failure(&errors.into_vec(), folder))?;
    let output = bundler.generate().await.map_err(|errors| {
        let error = failure(&errors.into_vec(), folder);
        match refused.lock().unwrap_or_else(PoisonError::into_inner).first() {
            Some(path) => error.with_help(format!(
                "`{}` lies outside the workspace and is not read",
                path.display()
            )),
            None => error,
        }
    })?;
    for warning in &output.warnings {
        tracing::warn!("{}", warning.to_message_with(&options_at(folder)));
    }
    let chunk = output
        .assets
        .iter()
        .find_map(|asset| match asset {
            Output::Chunk(chunk) => Some(chunk),
            Output::Asset(_) => None,
        })
        .ok_or_else(|| BuildError::other("the bundler made no script"))?;
    // The engine's helpers for streams and futures, out of the plugin's sight. On
    // one line, so that the source map needs but one line more, and without
    // indentation, for the same reason as above.
    let shim = shim.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    Ok(Bundle {
        script: format!("{{ {shim} }}\n{}", chunk.code),
        source_map: chunk.map.as_ref().map(SourceMap::to_json_string).unwrap_or_default(),
        files: chunk
            .modules
            .keys
            .iter()
            .map(|id| PathBuf::from(id.as_str()))
            .filter(|path| path.is_absolute() && path.is_file())
            .collect(),
    })
}

/// Finds the modules that are not simply files: the entry, the SDK, the world's
/// imports and the manifest's import map.
#[derive(Debug)]
struct Modules {
    root: PathBuf,
    folder: PathBuf,
    entry: String,
    imports: BTreeMap<String, String>,
    /// What was asked for and lies outside the root; the bundler keeps the
    /// reason of a refusal to itself.
    refused: Arc<Mutex<Vec<PathBuf>>>,
}

impl Plugin for Modules {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("distri")
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load
    }

    async fn resolve_id(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        let specifier = args.specifier;
        if specifier == ENTRY {
            return Ok(Some(HookResolveIdOutput::from_id(ENTRY)));
        }
        if specifier.starts_with("distri:plugin/") || specifier.starts_with("wasi:") {
            return Ok(Some(HookResolveIdOutput {
                id: specifier.into(),
                external: Some(ResolvedExternal::Bool(true)),
                normalize_external_id: Some(false),
                ..HookResolveIdOutput::default()
            }));
        }
        if let Some(target) = self.imports.get(specifier) {
            let importer = self.folder.join("distri.toml").display().to_string();
            let target = target.strip_prefix("npm:").unwrap_or(target);
            return match ctx.resolve(target, Some(&importer), None).await? {
                Ok(resolved) => Ok(Some(HookResolveIdOutput::from_resolved_id(resolved))),
                Err(_) => Err(anyhow::anyhow!(
                    "`{target}`, which the manifest's `[imports]` gives for `{specifier}`, is not there"
                )),
            };
        }
        Ok(sdk::resolve(specifier, args.importer).map(HookResolveIdOutput::from_id))
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let code = match args.id {
            ENTRY => Some(self.entry.as_str()),
            id => sdk::source(id),
        };
        if let Some(code) = code {
            return Ok(Some(HookLoadOutput {
                code: code.into(),
                module_type: Some(ModuleType::Ts),
                ..HookLoadOutput::default()
            }));
        }
        let path = Path::new(args.id.split('?').next().unwrap_or(args.id));
        if path.is_absolute()
            && let Ok(real) = path.canonicalize()
            && !real.starts_with(&self.root)
        {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).push(real);
            return Err(anyhow::anyhow!("outside the workspace"));
        }
        Ok(None)
    }
}

fn options_at(folder: &Path) -> DiagnosticOptions {
    DiagnosticOptions { cwd: folder.to_owned() }
}

/// The bundler's diagnostics as errors of ours, with their places.
fn failure(diagnostics: &[BuildDiagnostic], folder: &Path) -> BuildError {
    let errors = diagnostics.iter().map(|diagnostic| one_failure(diagnostic, folder)).collect();
    BuildError::all(errors)
        .unwrap_or_else(|| BuildError::other("the bundler failed without a reason"))
}

fn one_failure(diagnostic: &BuildDiagnostic, folder: &Path) -> BuildError {
    let rendered = diagnostic.to_diagnostic_with(&options_at(folder));
    let message = diagnostic.to_message_with(&options_at(folder));
    let message = message.lines().next().unwrap_or_default().trim().to_owned();
    let Some((file, line, column, _)) = rendered.get_primary_location() else {
        return BuildError::other(message);
    };
    let path = folder.join(&file);
    match std::fs::read_to_string(&path) {
        Ok(text) => BuildError::at(&path, text, line, column, message),
        Err(_) => BuildError::other(message),
    }
}
