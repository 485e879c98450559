//! The modules of one bundle: what each import means, and the text of each module,
//! looked through before it is bundled.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;
use rolldown::TsConfig;
use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin,
    PluginContext, SharedLoadPluginContext,
};
use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{ImportKind, ModuleId, ModuleType, ResolvedExternal};
use serde_json::{Map, Value, json};

use crate::fault::{Fault, Place};
use crate::request::Request;
use crate::resolve::{Format, Found, Meaning, Resolver};
use crate::sources::{Sources, text};
use crate::syntax::{self, Seen};
use crate::{members, nesting, sdk, throws};

/// The module that joins a plugin with the SDK's runtime.
pub(crate) const ENTRY: &str = "distri:entry";

/// The bundler's helpers, which it has in itself.
const HELPERS: &str = "@oxc-project/runtime/helpers/";

/// Finds and reads modules.
#[derive(Clone)]
pub(crate) struct Modules {
    entry: String,
    shared: Arc<Shared>,
}

struct Shared {
    request: Request,
    sources: Sources,
    resolver: Resolver,
    /// Whether there is a `tsconfig.json`.
    configured: bool,
    /// Files of our own making that the bundler reads: what it needs of the
    /// package's `tsconfig.json`, and a `package.json` for each format.
    configs: tempfile::TempDir,
    /// Whether decorators of TypeScript's older kind are translated.
    decorators: bool,
    state: Mutex<State>,
    /// Held while a module is parsed alone.
    alone: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// What was found of the modules that were looked through, by id.
    seen: HashMap<String, (Arc<str>, Seen)>,
    /// The text of each module, by id.
    texts: HashMap<String, Arc<str>>,
    faults: Vec<Fault>,
    /// The place that is nested deepest of all modules, in nodes.
    deepest: Option<(usize, Place)>,
}

impl std::fmt::Debug for Modules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modules").field("request", &self.shared.request).finish_non_exhaustive()
    }
}

/// Whether an import is of the world's, which the engine has.
pub(crate) fn is_of_world(specifier: &str) -> bool {
    specifier.starts_with("distri:plugin/") || specifier.starts_with("wasi:")
}

/// Text as a JavaScript string.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

impl Modules {
    pub(crate) fn new(request: Request) -> Result<Self, Fault> {
        let sources = Sources::new(request.root.clone());
        let resolver = Resolver::new(&sources);
        let tsconfig = resolver.tsconfig(&request.entry).map_err(Fault::new)?;
        let options = tsconfig.as_ref().map(|tsconfig| &tsconfig.compiler_options);
        let decorators =
            options.and_then(|options| options.experimental_decorators).unwrap_or_default();
        let mut wanted = Map::new();
        if let Some(options) = options {
            for (name, value) in [
                ("experimentalDecorators", json!(options.experimental_decorators)),
                ("emitDecoratorMetadata", json!(options.emit_decorator_metadata)),
                ("strict", json!(options.strict)),
                ("strictNullChecks", json!(options.strict_null_checks)),
                ("useDefineForClassFields", json!(options.use_define_for_class_fields)),
                ("target", json!(options.target)),
                ("jsx", json!(options.jsx)),
                ("jsxFactory", json!(options.jsx_factory)),
                ("jsxFragmentFactory", json!(options.jsx_fragment_factory)),
                ("jsxImportSource", json!(options.jsx_import_source)),
                ("verbatimModuleSyntax", json!(options.verbatim_module_syntax)),
                ("preserveValueImports", json!(options.preserve_value_imports)),
                ("importsNotUsedAsValues", json!(options.imports_not_used_as_values)),
            ] {
                if !value.is_null() {
                    wanted.insert(name.to_owned(), value);
                }
            }
        }
        let configs = tempfile::tempdir().and_then(|folder| {
            let write = |name: &str, value: Value| {
                let path = folder.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
                std::fs::write(path, value.to_string())
            };
            write("tsconfig.json", json!({ "compilerOptions": wanted }))?;
            write("module/package.json", json!({ "type": "module" }))?;
            write("commonjs/package.json", json!({ "type": "commonjs" }))?;
            Ok(folder)
        });
        let configs = configs
            .map_err(|error| Fault::new(format!("cannot make a temporary folder: {error}")))?;
        let entry = format!(
            "import {{ serve }} from \"distri/component\";\n\
             import * as plugin from {};\n\
             export const {{ tool, workflow }} = serve(plugin);\n",
            quoted(&request.entry.display().to_string())
        );
        let (state, alone) = (Mutex::default(), Mutex::default());
        let configured = tsconfig.is_some();
        let shared =
            Shared { request, sources, resolver, configured, configs, decorators, state, alone };
        Ok(Self { entry, shared: Arc::new(shared) })
    }

    /// Imports these modules before the plugin's own.
    pub(crate) fn import_first(&mut self, ids: &[String]) {
        for id in ids.iter().rev() {
            self.entry.insert_str(0, &format!("import {};\n", quoted(id)));
        }
    }

    /// What the bundler is told of the package's `tsconfig.json`.
    pub(crate) fn tsconfig(&self) -> TsConfig {
        if self.shared.configured {
            TsConfig::Manual(self.shared.configs.path().join("tsconfig.json"))
        } else {
            TsConfig::Auto(false)
        }
    }

    /// Everything that was read of the workspace.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.shared.sources.files()
    }

    /// The place that is nested deepest of all modules, in nodes.
    pub(crate) fn deepest(&self) -> Option<(usize, Place)> {
        self.state().deepest.clone()
    }

    /// What was found wrong, in the order of the places.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = self.state().faults.clone();
        faults.sort_by_key(|fault| {
            fault.place.as_ref().map(|place| (place.file.clone(), place.line, place.column))
        });
        faults.dedup();
        faults
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is wrong; the bundler only learns that something is.
    fn fail(&self, fault: Fault) -> anyhow::Error {
        let error = anyhow::anyhow!("{}", fault.message);
        self.state().faults.push(fault);
        error
    }

    /// Where `importer` imports `specifier`.
    fn place(&self, importer: &str, specifier: &str) -> Option<(Place, bool)> {
        let state = self.state();
        let (source, seen) = state.seen.get(importer)?;
        let place = |at| Place::of(Path::new(importer), source, at);
        match seen.imports.get(specifier) {
            Some(import) => Some((place(import.at), import.optional)),
            // Nobody wrote it: elements in the module made it.
            None => Some((place(seen.jsx?), false)),
        }
    }

    /// A file as the bundler is told of it.
    fn found(&self, found: &Found) -> anyhow::Result<HookResolveIdOutput> {
        let Some(id) = found.path.to_str() else {
            let name = found.path.display();
            return Err(self.fail(Fault::new(format!("the name of `{name}` is not UTF-8"))));
        };
        let folder = found.format.map(|format| match format {
            Format::Module => "module/package.json",
            Format::CommonJs => "commonjs/package.json",
        });
        Ok(HookResolveIdOutput {
            id: id.into(),
            side_effects: found
                .side_effects
                .map(|has| if has { HookSideEffects::True } else { HookSideEffects::False }),
            package_json_path: folder
                .map(|name| self.shared.configs.path().join(name).display().to_string()),
            ..HookResolveIdOutput::default()
        })
    }

    /// Says that an import means nothing; whoever does without may go on.
    fn missing(&self, specifier: &str, importer: Option<&str>) -> HookResolveIdOutput {
        let place = importer.and_then(|importer| self.place(importer, specifier));
        let optional = place.as_ref().is_some_and(|(_, optional)| *optional);
        if !optional {
            let message = format!("Could not resolve '{specifier}'");
            let fault = match place {
                Some((place, _)) => Fault::at(place, message),
                None => match importer.filter(|importer| Path::new(importer).is_absolute()) {
                    Some(importer) => Fault::at(Place::top(Path::new(importer)), message),
                    None => Fault::new(message),
                },
            };
            let fault = fault.help(self.advice(specifier));
            self.state().faults.push(fault);
        }
        HookResolveIdOutput {
            id: specifier.into(),
            external: Some(ResolvedExternal::Bool(true)),
            normalize_external_id: Some(false),
            ..HookResolveIdOutput::default()
        }
    }

    fn advice(&self, specifier: &str) -> String {
        if let Some(path) = self.shared.sources.outside() {
            return format!("`{}` lies outside the workspace and is not read", path.display());
        }
        if let Some(library) =
            specifier.strip_suffix("/jsx-runtime").or(specifier.strip_suffix("/jsx-dev-runtime"))
        {
            return format!(
                "elements of JSX are calls of a library: install `{library}`, name another in \
                 the package's tsconfig.json with `\"jsxImportSource\"`, or name your own \
                 function with a comment `/** @jsxRuntime classic @jsx h */` at the top of the file"
            );
        }
        if specifier.starts_with('.') || specifier.starts_with('/') {
            return "there is no such file beside it".to_owned();
        }
        if specifier.starts_with("http:") || specifier.starts_with("https:") {
            return "nothing is loaded from the network: `[imports]` in the manifest gives a file \
                    or an installed package for it"
                .to_owned();
        }
        format!(
            "npm packages are installed in the plugin's folder or above it; of Node's modules \
             there are {}",
            sdk::node_names()
        )
    }

    fn find(
        &self,
        specifier: &str,
        importer: &Path,
        kind: ImportKind,
        place: Option<&str>,
    ) -> anyhow::Result<Meaning> {
        let required = matches!(kind, ImportKind::Require);
        self.shared.resolver.find(importer, specifier, required).map_err(|message| {
            let place = place.and_then(|importer| self.place(importer, specifier));
            self.fail(match place {
                Some((place, _)) => {
                    Fault::at(place, format!("Could not resolve '{specifier}': {message}"))
                }
                None => Fault::new(message),
            })
        })
    }

    fn resolve(&self, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        let specifier = args.specifier;
        if specifier == ENTRY || specifier.starts_with('\0') || specifier.starts_with(sdk::PREFIX) {
            return Ok(Some(HookResolveIdOutput::from_id(specifier)));
        }
        if is_of_world(specifier) {
            return Ok(Some(HookResolveIdOutput {
                id: specifier.into(),
                external: Some(ResolvedExternal::Bool(true)),
                normalize_external_id: Some(false),
                ..HookResolveIdOutput::default()
            }));
        }
        if specifier.starts_with(HELPERS) || specifier.starts_with("data:") {
            return Ok(None);
        }
        let manifest = self.shared.request.folder.join("distri.toml");
        if let Some(target) = self.shared.request.imports.get(specifier) {
            let target = target.strip_prefix("npm:").unwrap_or(target);
            return match self.find(target, &manifest, args.kind, None)? {
                Meaning::File(found) => self.found(&found).map(Some),
                Meaning::Nothing(path) => Ok(Some(nothing(&path))),
                Meaning::Missing => Err(self.fail(Fault::new(format!(
                    "`{target}`, which the manifest's `[imports]` gives for `{specifier}`, is not there"
                )))),
            };
        }
        if let Some(id) = sdk::resolve(specifier, args.importer) {
            return Ok(Some(HookResolveIdOutput::from_id(id)));
        }
        let file = args.importer.filter(|importer| Path::new(importer).is_absolute());
        let importer = file.map_or(manifest.as_path(), Path::new);
        let meaning = self.find(specifier, importer, args.kind, file)?;
        Ok(Some(match meaning {
            Meaning::File(found) => self.found(&found)?,
            Meaning::Nothing(path) => nothing(&path),
            // What a package says of these names itself came first.
            Meaning::Missing => match sdk::node(specifier) {
                Some(id) => HookResolveIdOutput::from_id(id),
                None => self.missing(specifier, args.importer),
            },
        }))
    }

    /// The text of a file of the workspace, checked as far as can be without parsing.
    fn read(&self, id: &str, asserted: Option<&ModuleType>) -> anyhow::Result<HookLoadOutput> {
        let path = Path::new(id);
        let kind = asserted.cloned().unwrap_or_else(|| kind_of(path));
        let wrong = |words: String| {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            self.fail(Fault::at(Place::top(path), format!("`{name}` {words}")))
        };
        let bytes = self.shared.sources.module(path).map_err(|error| wrong(error.to_string()))?;
        if matches!(kind, ModuleType::Binary | ModuleType::Base64 | ModuleType::Dataurl) {
            return Err(wrong("is imported as bytes, which is not supported".to_owned()));
        }
        let text = text(&bytes).map_err(|error| wrong(error.to_string()))?;
        if matches!(kind, ModuleType::Json)
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text)
        {
            let place = Place {
                file: path.to_owned(),
                line: error.line().max(1),
                column: error.column().saturating_sub(1),
            };
            return Err(self.fail(Fault::at(place, format!("this is not JSON: {error}"))));
        }
        if is_script(&kind) {
            if let Some(at) = nesting::too_deep(text, nesting::MAX_BRACKETS) {
                let message =
                    format!("brackets are nested more than {} levels deep", nesting::MAX_BRACKETS);
                return Err(self.fail(Fault::at(Place::of(path, text, at), message)));
            }
            if self.shared.request.careful {
                self.parse_alone(path, text);
            }
        }
        self.state().texts.insert(id.to_owned(), text.into());
        Ok(HookLoadOutput {
            code: text.into(),
            module_type: Some(kind),
            ..HookLoadOutput::default()
        })
    }

    /// Parses a module while no other one is, with a word of it before and after.
    fn parse_alone(&self, path: &Path, text: &str) {
        let _alone = self.shared.alone.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("{BEGUN}{}", path.display());
        let kind = SourceType::from_path(path).unwrap_or_default();
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, text, kind).parse();
        if !parsed.panicked {
            syntax::look(&parsed.program, self.shared.decorators);
        }
        eprintln!("{ENDED}");
    }

    /// Looks through a module's syntax tree.
    fn look(&self, args: &HookTransformAstArgs<'_>) -> anyhow::Result<()> {
        let path = Path::new(args.id);
        if !path.is_absolute() || !is_script(args.module_type) {
            return Ok(());
        }
        let source: Arc<str> = match self.state().texts.get(args.id) {
            Some(text) => Arc::clone(text),
            None => return Ok(()),
        };
        let program = args.ast.program();
        let mut seen = syntax::look(program, self.shared.decorators);
        let mut offences = std::mem::take(&mut seen.offences);
        // A tree that is too deep is not walked again.
        if is_own(path) && offences.is_empty() {
            offences = members::missing(program);
        }
        let faults: Vec<Fault> = offences
            .into_iter()
            .map(|offence| Fault {
                message: offence.message,
                help: offence.help,
                place: Some(Place::of(path, &source, offence.at)),
            })
            .collect();
        let failed = !faults.is_empty();
        let (depth, at) = seen.deepest;
        let mut state = self.state();
        if state.deepest.as_ref().is_none_or(|(deepest, _)| depth > *deepest) {
            state.deepest = Some((depth, Place::of(path, &source, at)));
        }
        state.faults.extend(faults);
        state.seen.insert(args.id.to_owned(), (source, seen));
        if failed { Err(anyhow::anyhow!("the module cannot be bundled")) } else { Ok(()) }
    }
}

/// What a careful bundler says before it parses a module, and after.
pub(crate) const BEGUN: &str = "parsing ";
pub(crate) const ENDED: &str = "parsed";

/// A file that browsers do without.
fn nothing(path: &Path) -> HookResolveIdOutput {
    HookResolveIdOutput::from_id(ModuleId::new_empty(&path.to_string_lossy()).as_str())
}

/// Whether a module is the author's rather than an installed package's.
fn is_own(path: &Path) -> bool {
    !path.components().any(|part| part.as_os_str() == "node_modules")
}

fn is_script(kind: &ModuleType) -> bool {
    matches!(kind, ModuleType::Js | ModuleType::Jsx | ModuleType::Ts | ModuleType::Tsx)
}

/// What a file is, by the end of its name.
fn kind_of(path: &Path) -> ModuleType {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("ts" | "mts" | "cts") => ModuleType::Ts,
        Some("tsx") => ModuleType::Tsx,
        Some("jsx") => ModuleType::Jsx,
        Some("json") => ModuleType::Json,
        Some("txt") => ModuleType::Text,
        Some("css") => ModuleType::Css,
        _ => ModuleType::Js,
    }
}

impl Plugin for Modules {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("distri")
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::TransformAst
    }

    async fn resolve_id(
        &self,
        _: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        self.resolve(args)
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
        // The bundler's own.
        if args.id.starts_with('\0') {
            return Ok(None);
        }
        self.read(args.id, args.asserted_module_type).map(Some)
    }

    async fn transform_ast(
        &self,
        _: &PluginContext,
        mut args: HookTransformAstArgs<'_>,
    ) -> HookTransformAstReturn {
        self.look(&args)?;
        let path = Path::new(args.id);
        if path.is_absolute() && is_own(path) && is_script(args.module_type) {
            args.ast
                .program
                .with_mut(|fields| throws::keep_places(fields.program, fields.allocator));
        }
        Ok(args.ast)
    }
}
