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
use rolldown_common::{ModuleType, Output, OutputChunk, RawMangleOptions, ResolvedExternal};
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind};
use rolldown_sourcemap::SourceMap;

use crate::{BuildError, Result, platform, sdk};

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
///
/// Twice, where the plugin uses what the SDK has of the web platform: only what is
/// left of its modules, and of those of npm packages, tells what that is.
pub(crate) async fn bundle(
    root: &Path,
    folder: &Path,
    entry: &Path,
    imports: &BTreeMap<String, String>,
    shim: &str,
) -> Result<Bundle> {
    let modules = Modules {
        root: root.canonicalize()?,
        folder: folder.to_owned(),
        entry: format!(
            "import {{ serve }} from \"distri/component\";\n\
             import * as plugin from {};\n\
             export const {{ tool, workflow }} = serve(plugin);\n",
            quoted(&entry.display().to_string())?
        ),
        imports: imports.clone(),
        refused: Arc::default(),
    };
    let mut chunk = run(modules.clone()).await?;
    let scripts: Vec<String> = chunk
        .modules
        .keys
        .iter()
        .zip(&chunk.modules.values)
        .filter(|(id, _)| id.as_str() != ENTRY && !id.as_str().starts_with(sdk::PREFIX))
        .filter_map(|(_, module)| module.code())
        .collect();
    let wanted = platform::wanted(scripts.iter().map(String::as_str)).into_iter();
    let platform = wanted
        .map(|id| Ok(format!("import {};\n", quoted(&id)?)))
        .collect::<Result<Vec<String>>>()?;
    if !platform.is_empty() {
        let entry = platform.concat() + &modules.entry;
        chunk = run(Modules { entry, ..modules }).await?;
    }
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

/// Text as a JavaScript string.
fn quoted(text: &str) -> Result<String> {
    serde_json::to_string(text).map_err(|error| BuildError::other(error.to_string()))
}

/// Runs the bundler on the entry of these modules.
async fn run(modules: Modules) -> Result<Arc<OutputChunk>> {
    let options = BundlerOptions {
        input: Some(vec![InputItem { name: Some("plugin".to_owned()), import: ENTRY.to_owned() }]),
        cwd: Some(modules.folder.clone()),
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
    let folder = modules.folder.clone();
    let refused = Arc::clone(&modules.refused);
    let mut bundler = BundlerBuilder::default()
        .with_options(options)
        .with_plugins(vec![Arc::new(modules)])
        .build()
        .map_err(|errors| failure(&errors.into_vec(), &folder))?;
    let output = bundler.generate().await.map_err(|errors| {
        let error = failure(&errors.into_vec(), &folder);
        match refused.lock().unwrap_or_else(PoisonError::into_inner).first() {
            Some(path) => error.with_help(format!(
                "`{}` lies outside the workspace and is not read",
                path.display()
            )),
            None => error,
        }
    })?;
    let chunk = output
        .assets
        .into_iter()
        .find_map(|asset| match asset {
            Output::Chunk(chunk) => Some(chunk),
            Output::Asset(_) => None,
        })
        .ok_or_else(|| BuildError::other("the bundler made no script"))?;
    // The bundler takes what it does not find for what the engine has.
    if chunk.imports.iter().any(|import| !is_of_world(import)) {
        let (unresolved, _): (Vec<_>, Vec<_>) = output
            .warnings
            .into_iter()
            .partition(|warning| matches!(warning.kind(), EventKind::UnresolvedImport));
        return Err(failure(&unresolved, &folder).with_help(format!(
            "npm packages are installed in the plugin's folder or above it; of Node's modules \
             there are {}",
            sdk::node_names()
        )));
    }
    for warning in &output.warnings {
        tracing::warn!("{}", warning.to_message_with(&options_at(&folder)));
    }
    Ok(chunk)
}

/// Whether an import is of the world's, which the engine has.
fn is_of_world(specifier: &str) -> bool {
    specifier.starts_with("distri:plugin/") || specifier.starts_with("wasi:")
}

/// Finds the modules that are not simply files: the entry, the SDK, the world's
/// imports and the manifest's import map.
#[derive(Debug, Clone)]
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
        if is_of_world(specifier) {
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
        if let Some(id) = sdk::resolve(specifier, args.importer) {
            return Ok(Some(HookResolveIdOutput::from_id(id)));
        }
        if specifier.starts_with(sdk::PREFIX) {
            return Ok(Some(HookResolveIdOutput::from_id(specifier)));
        }
        // What a package says of these names itself comes first.
        if let Some(id) = sdk::node(specifier) {
            return match ctx.resolve(specifier, args.importer, None).await? {
                Ok(resolved) => Ok(Some(HookResolveIdOutput::from_resolved_id(resolved))),
                Err(_) => Ok(Some(HookResolveIdOutput::from_id(id))),
            };
        }
        Ok(None)
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let code = match args.id {
            ENTRY => Some(self.entry.as_str()),
            id => sdk::source(id),
        };
        if let Some(code) = code {
            return Ok(Some(HookLoadOutput {
                code: code.into(),
                module_type: Some(match Path::new(args.id).extension() {
                    Some(extension) if extension == "mjs" => ModuleType::Js,
                    _ => ModuleType::Ts,
                }),
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
