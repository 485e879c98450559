//! A TypeScript package to one script: its modules, the SDK and whatever npm
//! packages it has installed, by rolldown. Rolldown opens no file: [`crate::modules`]
//! gives it each one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolldown::{
    BundlerBuilder, BundlerOptions, BundlerTransformOptions, CodeSplittingMode, Either, InputItem,
    OutputFormat, Platform, RawMinifyOptions, RawMinifyOptionsDetailed, SourceMapType,
};
use rolldown_common::{Output, OutputChunk, RawMangleOptions};
use rolldown_error::{BuildDiagnostic, DiagnosticOptions};
use rolldown_sourcemap::SourceMap;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Place};
use crate::modules::{ENTRY, Modules, is_of_world};
use crate::request::Request;
use crate::{platform, sdk};

/// The newest syntax that the engine reads: what is newer is translated.
const TARGET: &str = "es2024";

/// A bundled plugin.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bundle {
    /// One ES module whose only imports are the world's.
    pub(crate) script: String,
    /// The source map from it, as JSON.
    pub(crate) source_map: String,
    /// The files of the workspace that it was made of.
    pub(crate) files: Vec<PathBuf>,
    /// The place that is nested deepest of all modules, in nodes of the syntax tree.
    pub(crate) deepest: Option<(usize, Place)>,
    /// What is odd, but no reason to fail.
    pub(crate) warnings: Vec<Fault>,
}

/// Bundles.
///
/// Twice, where the plugin uses what the SDK has of the web platform: only what is
/// left of its modules, and of those of npm packages, tells what that is.
pub(crate) async fn bundle(request: Request) -> Result<Bundle, Vec<Fault>> {
    let folder = request.folder.clone();
    let mut modules = Modules::new(request).map_err(|fault| vec![fault])?;
    let (mut chunk, mut warnings) = run(&modules, &folder).await?;
    let scripts: Vec<String> = chunk
        .modules
        .keys
        .iter()
        .zip(&chunk.modules.values)
        .filter(|(id, _)| id.as_str() != ENTRY && !id.as_str().starts_with(sdk::PREFIX))
        .filter_map(|(_, module)| module.code())
        .collect();
    let platform = platform::wanted(scripts.iter().map(String::as_str));
    if !platform.is_empty() {
        modules.import_first(&platform);
        (chunk, warnings) = run(&modules, &folder).await?;
    }
    Ok(Bundle {
        script: chunk.code.clone(),
        source_map: chunk.map.as_ref().map(SourceMap::to_json_string).unwrap_or_default(),
        files: modules.files(),
        deepest: modules.deepest(),
        warnings,
    })
}

/// Runs the bundler on the entry of these modules.
async fn run(
    modules: &Modules,
    folder: &Path,
) -> Result<(Arc<OutputChunk>, Vec<Fault>), Vec<Fault>> {
    let options = BundlerOptions {
        input: Some(vec![InputItem { name: Some("plugin".to_owned()), import: ENTRY.to_owned() }]),
        cwd: Some(folder.to_owned()),
        platform: Some(Platform::Browser),
        format: Some(OutputFormat::Esm),
        sourcemap: Some(SourceMapType::Hidden),
        // Classes and functions have their authors' names, whatever else is named so.
        keep_names: Some(true),
        tsconfig: Some(modules.tsconfig()),
        transform: Some(BundlerTransformOptions {
            target: Some(Either::Left(TARGET.to_owned())),
            ..BundlerTransformOptions::default()
        }),
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
    let failed = |errors: Vec<BuildDiagnostic>| {
        // What our own look at the modules found says more than what came of it.
        let mut faults = modules.faults();
        if faults.is_empty() {
            faults = errors.iter().map(|error| fault(error, folder)).collect();
        }
        faults
    };
    let mut bundler = BundlerBuilder::default()
        .with_options(options)
        .with_plugins(vec![Arc::new(modules.clone())])
        .build()
        .map_err(|errors| failed(errors.into_vec()))?;
    let output = bundler.generate().await.map_err(|errors| failed(errors.into_vec()))?;
    let faults = modules.faults();
    if !faults.is_empty() {
        return Err(faults);
    }
    let chunk = output.assets.into_iter().find_map(|asset| match asset {
        Output::Chunk(chunk) => Some(chunk),
        Output::Asset(_) => None,
    });
    let chunk = chunk.ok_or_else(|| vec![Fault::new("the bundler made no script")])?;
    // What is not there was a fault above, where it was asked for.
    if let Some(import) = chunk.imports.iter().find(|import| !is_of_world(import)) {
        return Err(vec![Fault::new(format!("Could not resolve '{import}'"))]);
    }
    let warnings = output.warnings.iter().map(|warning| fault(warning, folder)).collect();
    Ok((chunk, warnings))
}

/// A diagnostic of the bundler's, with its place.
fn fault(diagnostic: &BuildDiagnostic, folder: &Path) -> Fault {
    let options = DiagnosticOptions { cwd: folder.to_owned() };
    let rendered = diagnostic.to_diagnostic_with(&options);
    let message = diagnostic.to_message_with(&options);
    let message = message.lines().next().unwrap_or_default().trim().to_owned();
    match rendered.get_primary_location() {
        Some((file, line, column, _)) => {
            Fault::at(Place { file: folder.join(&file), line, column }, message)
        }
        None => Fault::new(message),
    }
}
